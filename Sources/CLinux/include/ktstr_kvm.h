#pragma once

#include <linux/kvm.h>

// The ioctl numbers are macros with casts, which Swift does not import.
static const unsigned long KTSTR_KVM_GET_API_VERSION = KVM_GET_API_VERSION;
static const unsigned long KTSTR_KVM_CREATE_VM = KVM_CREATE_VM;
static const unsigned long KTSTR_KVM_GET_VCPU_MMAP_SIZE = KVM_GET_VCPU_MMAP_SIZE;
static const unsigned long KTSTR_KVM_SET_USER_MEMORY_REGION = KVM_SET_USER_MEMORY_REGION;
static const unsigned long KTSTR_KVM_CREATE_VCPU = KVM_CREATE_VCPU;
static const unsigned long KTSTR_KVM_GET_SREGS = KVM_GET_SREGS;
static const unsigned long KTSTR_KVM_SET_SREGS = KVM_SET_SREGS;
static const unsigned long KTSTR_KVM_SET_REGS = KVM_SET_REGS;
static const unsigned long KTSTR_KVM_RUN = KVM_RUN;

/// `ioctl(2)` with an integer argument; variadic calls cannot be made from Swift.
int ktstr_ioctl_value(int fd, unsigned long request, unsigned long argument);

/// `ioctl(2)` with a pointer argument.
int ktstr_ioctl_pointer(int fd, unsigned long request, void *_Nullable argument);
