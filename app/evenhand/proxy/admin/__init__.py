"""The admin port: probes, metrics, decisions, rules, and bringing changed rules into service."""
