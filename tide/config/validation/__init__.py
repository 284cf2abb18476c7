"""The rules that Prow refuses a configuration by, each as a function that notes what is wrong."""
