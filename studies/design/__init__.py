"""How many chips of your own process come out right, and what size or bits would it take?"""
