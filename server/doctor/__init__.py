"""`tocsin doctor`: looks at a deployment, and says what is wrong and how to mend it.

Each theme has a file with its facts and the pure judgement on them; the files called
`gather_…` find the facts out, and change nothing.
"""
