"""`anshao doctor`: what is wrong with this machine, and how to mend it.

It tries what the program will need and leaves nothing behind, but for an empty embedded database where there was none.
"""
