"""The rules of the house, each a function over a tree of distributions.

A rule gives one line of text per offence: file, line, what is wrong and the way out. The tests beside this
package run every rule over the real tree, and over a small seeded one to show that it finds what it should.
"""
