"""Where training data come from: rendered scores, recordings, stems, and the tokens and pairs made of them."""
