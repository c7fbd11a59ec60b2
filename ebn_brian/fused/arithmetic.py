"""C++ that sets how a program computes."""

#: For ``device.insert_code('before_start', FLUSH_TO_ZERO)``. Subnormal numbers cost a hundred
#: cycles each, and nothing here needs them in single precision.
FLUSH_TO_ZERO = """
#if defined(__SSE__)
__builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);
#elif defined(__aarch64__)
{
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    __asm__ volatile("msr fpcr, %0" : : "r"(control | (1 << 24)));
}
#endif
"""
