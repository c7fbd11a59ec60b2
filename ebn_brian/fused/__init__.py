from .device import cpp_fused_device
