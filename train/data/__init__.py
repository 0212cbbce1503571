"""Songs as what learns reads them: stems, and the tokens, examples and pairs made of them."""
