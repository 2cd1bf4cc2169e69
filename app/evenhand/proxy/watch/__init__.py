"""What is told of every request and decision: ledger, log lines, counters, traces, the decision log."""
