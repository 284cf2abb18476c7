"""Go's text/template, as far as templates over plain data can use it: all actions, pipelines and built-in functions.

    values      what data is made of, and what Go would call it
    lexing      text to tokens
    literals    what Go reads constants as
    nodes       what a template is made of
    parsing     tokens to nodes
    execution   nodes and data to text
    functions   what Go calls built-in functions
    formatting  fmt's verbs
    times       what can be done with a time.Time

Go: text/template, https://pkg.go.dev/text/template. Not there: complex numbers, and printing a struct as a whole.
"""

from tide.golang.template.execution import render
from tide.golang.template.parsing import parse
from tide.golang.template.values import Record, Template, TemplateFailed, TemplateSyntaxError

__all__ = ["Record", "Template", "TemplateFailed", "TemplateSyntaxError", "parse", "render"]
