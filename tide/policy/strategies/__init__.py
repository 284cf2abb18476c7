"""The rules that choose what to do, one module each; `tide.policy.decide` knows which one a pool uses."""
