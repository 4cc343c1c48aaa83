"""What can be asked: one file per noun with its type, queries and mutations."""
