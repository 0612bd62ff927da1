#pragma once

#include <linux/kvm.h>
#include <stddef.h>

// The ioctl numbers are macros with casts, which Swift does not import.
static const unsigned long KTSTR_KVM_GET_API_VERSION = KVM_GET_API_VERSION;
static const unsigned long KTSTR_KVM_CREATE_VM = KVM_CREATE_VM;
static const unsigned long KTSTR_KVM_GET_MSR_INDEX_LIST = KVM_GET_MSR_INDEX_LIST;
static const unsigned long KTSTR_KVM_CHECK_EXTENSION = KVM_CHECK_EXTENSION;
static const unsigned long KTSTR_KVM_GET_VCPU_MMAP_SIZE = KVM_GET_VCPU_MMAP_SIZE;
static const unsigned long KTSTR_KVM_GET_SUPPORTED_CPUID = KVM_GET_SUPPORTED_CPUID;
static const unsigned long KTSTR_KVM_CREATE_VCPU = KVM_CREATE_VCPU;
static const unsigned long KTSTR_KVM_GET_DIRTY_LOG = KVM_GET_DIRTY_LOG;
static const unsigned long KTSTR_KVM_SET_USER_MEMORY_REGION = KVM_SET_USER_MEMORY_REGION;
static const unsigned long KTSTR_KVM_SET_TSS_ADDR = KVM_SET_TSS_ADDR;
static const unsigned long KTSTR_KVM_SET_IDENTITY_MAP_ADDR = KVM_SET_IDENTITY_MAP_ADDR;
static const unsigned long KTSTR_KVM_CREATE_IRQCHIP = KVM_CREATE_IRQCHIP;
static const unsigned long KTSTR_KVM_IRQ_LINE = KVM_IRQ_LINE;
static const unsigned long KTSTR_KVM_GET_IRQCHIP = KVM_GET_IRQCHIP;
static const unsigned long KTSTR_KVM_SET_GSI_ROUTING = KVM_SET_GSI_ROUTING;
static const unsigned long KTSTR_KVM_IRQFD = KVM_IRQFD;
static const unsigned long KTSTR_KVM_CREATE_PIT2 = KVM_CREATE_PIT2;
static const unsigned long KTSTR_KVM_SET_BOOT_CPU_ID = KVM_SET_BOOT_CPU_ID;
static const unsigned long KTSTR_KVM_IOEVENTFD = KVM_IOEVENTFD;
static const unsigned long KTSTR_KVM_GET_CLOCK = KVM_GET_CLOCK;
static const unsigned long KTSTR_KVM_SET_CLOCK = KVM_SET_CLOCK;
static const unsigned long KTSTR_KVM_ENABLE_CAP = KVM_ENABLE_CAP;
static const unsigned long KTSTR_KVM_SIGNAL_MSI = KVM_SIGNAL_MSI;
static const unsigned long KTSTR_KVM_RUN = KVM_RUN;
static const unsigned long KTSTR_KVM_GET_REGS = KVM_GET_REGS;
static const unsigned long KTSTR_KVM_SET_REGS = KVM_SET_REGS;
static const unsigned long KTSTR_KVM_GET_SREGS = KVM_GET_SREGS;
static const unsigned long KTSTR_KVM_SET_SREGS = KVM_SET_SREGS;
static const unsigned long KTSTR_KVM_TRANSLATE = KVM_TRANSLATE;
static const unsigned long KTSTR_KVM_GET_MSRS = KVM_GET_MSRS;
static const unsigned long KTSTR_KVM_SET_MSRS = KVM_SET_MSRS;
static const unsigned long KTSTR_KVM_GET_FPU = KVM_GET_FPU;
static const unsigned long KTSTR_KVM_SET_FPU = KVM_SET_FPU;
static const unsigned long KTSTR_KVM_GET_LAPIC = KVM_GET_LAPIC;
static const unsigned long KTSTR_KVM_SET_LAPIC = KVM_SET_LAPIC;
static const unsigned long KTSTR_KVM_SET_CPUID2 = KVM_SET_CPUID2;
static const unsigned long KTSTR_KVM_GET_CPUID2 = KVM_GET_CPUID2;
static const unsigned long KTSTR_KVM_GET_MP_STATE = KVM_GET_MP_STATE;
static const unsigned long KTSTR_KVM_SET_MP_STATE = KVM_SET_MP_STATE;
static const unsigned long KTSTR_KVM_NMI = KVM_NMI;
static const unsigned long KTSTR_KVM_GET_VCPU_EVENTS = KVM_GET_VCPU_EVENTS;
static const unsigned long KTSTR_KVM_SET_VCPU_EVENTS = KVM_SET_VCPU_EVENTS;
static const unsigned long KTSTR_KVM_GET_DEBUGREGS = KVM_GET_DEBUGREGS;
static const unsigned long KTSTR_KVM_SET_DEBUGREGS = KVM_SET_DEBUGREGS;
static const unsigned long KTSTR_KVM_SET_TSC_KHZ = KVM_SET_TSC_KHZ;
static const unsigned long KTSTR_KVM_GET_TSC_KHZ = KVM_GET_TSC_KHZ;
static const unsigned long KTSTR_KVM_GET_XSAVE = KVM_GET_XSAVE;
static const unsigned long KTSTR_KVM_SET_XSAVE = KVM_SET_XSAVE;
static const unsigned long KTSTR_KVM_GET_XSAVE2 = KVM_GET_XSAVE2;
static const unsigned long KTSTR_KVM_GET_XCRS = KVM_GET_XCRS;
static const unsigned long KTSTR_KVM_SET_XCRS = KVM_SET_XCRS;
static const unsigned long KTSTR_KVM_KVMCLOCK_CTRL = KVM_KVMCLOCK_CTRL;

// Where things stand in the page that a vCPU shares with the kernel (`struct kvm_run`). Its unions
// are anonymous, so Swift would copy all of them to see one field.
enum {
  KTSTR_RUN_IMMEDIATE_EXIT = offsetof(struct kvm_run, immediate_exit),
  KTSTR_RUN_EXIT_REASON = offsetof(struct kvm_run, exit_reason),
  KTSTR_RUN_IO_DIRECTION = offsetof(struct kvm_run, io.direction),
  KTSTR_RUN_IO_SIZE = offsetof(struct kvm_run, io.size),
  KTSTR_RUN_IO_PORT = offsetof(struct kvm_run, io.port),
  KTSTR_RUN_IO_COUNT = offsetof(struct kvm_run, io.count),
  KTSTR_RUN_IO_DATA_OFFSET = offsetof(struct kvm_run, io.data_offset),
  KTSTR_RUN_MMIO_ADDRESS = offsetof(struct kvm_run, mmio.phys_addr),
  KTSTR_RUN_MMIO_DATA = offsetof(struct kvm_run, mmio.data),
  KTSTR_RUN_MMIO_LENGTH = offsetof(struct kvm_run, mmio.len),
  KTSTR_RUN_MMIO_IS_WRITE = offsetof(struct kvm_run, mmio.is_write),
  KTSTR_RUN_FAIL_ENTRY_REASON = offsetof(struct kvm_run, fail_entry.hardware_entry_failure_reason),
  KTSTR_RUN_FAIL_ENTRY_CPU = offsetof(struct kvm_run, fail_entry.cpu),
  KTSTR_RUN_INTERNAL_SUBERROR = offsetof(struct kvm_run, internal.suberror),
  KTSTR_RUN_INTERNAL_COUNT = offsetof(struct kvm_run, internal.ndata),
  KTSTR_RUN_INTERNAL_DATA = offsetof(struct kvm_run, internal.data),
  KTSTR_RUN_EMULATION_FLAGS = offsetof(struct kvm_run, emulation_failure.flags),
  KTSTR_RUN_EMULATION_SIZE = offsetof(struct kvm_run, emulation_failure.insn_size),
  KTSTR_RUN_EMULATION_BYTES = offsetof(struct kvm_run, emulation_failure.insn_bytes),
  KTSTR_RUN_EVENT_TYPE = offsetof(struct kvm_run, system_event.type),
  KTSTR_RUN_EVENT_COUNT = offsetof(struct kvm_run, system_event.ndata),
  KTSTR_RUN_EVENT_DATA = offsetof(struct kvm_run, system_event.data),
  KTSTR_RUN_EOI_VECTOR = offsetof(struct kvm_run, eoi.vector),
  KTSTR_RUN_SIZE = sizeof(struct kvm_run),
};

// And in the IOAPIC's state, whose table of bit fields Swift leaves out.
enum { KTSTR_IOAPIC_REDIRECTIONS = offsetof(struct kvm_ioapic_state, redirtbl) };

/// `ioctl(2)` with an integer argument; variadic calls cannot be made from Swift. Returns what the
/// call returned, or the negative errno: so nothing can come between the call and its errno.
int ktstr_ioctl_value(int fd, unsigned long request, unsigned long argument);

/// `ioctl(2)` with a pointer argument; the result as above.
int ktstr_ioctl_pointer(int fd, unsigned long request, void *_Nullable argument);

/// `arch_prctl(ARCH_REQ_XCOMP_GUEST_PERM)` for one feature number of the extended state: guests may
/// then have it. Behind `syscall(2)`, which is variadic. Returns 0 or the negative errno.
int ktstr_request_guest_state(unsigned long feature);
