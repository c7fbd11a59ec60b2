"""How far may chips spread, and does learning on the chip repair it?"""
