"""How image APIs carry prompts. Bytes come in and go out; a dialect never hears of people."""
