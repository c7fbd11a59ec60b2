"""Do chips learn the balanced code?"""
