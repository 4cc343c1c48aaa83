"""One file per channel: settings, render, classify and declaration, all pure."""
