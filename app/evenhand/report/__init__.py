"""Decision logs come in, line by line; figures, pictures and one page of HTML go out. Decides nothing and serves nothing."""
