"""People and code for the sandbox: stories of contributors, a test suite that can really fail, and the truth after."""
