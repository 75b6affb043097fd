"""The company's own rules: when, whether, in which language and in which words a customer is answered.

Everything here is pure: the time and the state are arguments.
"""
