"""What the words mean: frozen values, enums and the vocabulary of declarations."""
