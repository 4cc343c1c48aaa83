"""The reference under docs/reference/, made from the declarations it tells of."""
