"""How fast is it, beside plain Brian2 and numba?"""
