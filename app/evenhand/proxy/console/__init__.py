"""The page at the admin port: trying prompts, editing rules, watching traffic."""
