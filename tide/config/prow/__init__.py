"""Prow's files as models: what they may hold, typed as Prow's Go structs are. Unknown keys are kept aside."""
