"""Do the circuits' building blocks do what theory says?"""
