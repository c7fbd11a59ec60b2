"""What is left of a code when neurons die?"""
