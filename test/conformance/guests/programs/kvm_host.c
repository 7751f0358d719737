/* kvm: a VM with one CPU and an in-kernel GIC, for the guest in kvm_guest.c. Prints what the guest prints, and why it came back. */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

enum { RAM_BASE = 0x40000000, RAM_SIZE = 0x200000, GICD = 0x08000000, GICC = 0x08010000, GICR = 0x080a0000 };
enum { CONSOLE = 0x09000000 };

extern const char guest_start[], guest_end[];

static void check(int result, const char *what)
{
  if (result >= 0) return;
  perror(what);
  exit(1);
}

static void set_register(int vcpu, uint64_t id, uint64_t value)
{
  struct kvm_one_reg reg = { .id = id, .addr = (uint64_t)&value };
  check(ioctl(vcpu, KVM_SET_ONE_REG, &reg), "KVM_SET_ONE_REG");
}
#define CORE(field) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(regs.field))

static void gic_attribute(int device, uint32_t group, uint64_t attribute, uint64_t value)
{
  struct kvm_device_attr attr = { .group = group, .attr = attribute, .addr = (uint64_t)&value };
  check(ioctl(device, KVM_SET_DEVICE_ATTR, &attr), "KVM_SET_DEVICE_ATTR");
}

/* Returns its version: 3 where the host has one, else 2. */
static int create_gic(int vm)
{
  struct kvm_create_device device = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };
  const int version = ioctl(vm, KVM_CREATE_DEVICE, &device) == 0 ? 3 : 2;
  if (version == 2) {
    device.type = KVM_DEV_TYPE_ARM_VGIC_V2;
    check(ioctl(vm, KVM_CREATE_DEVICE, &device), "KVM_CREATE_DEVICE");
    gic_attribute(device.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V2_ADDR_TYPE_DIST, GICD);
    gic_attribute(device.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V2_ADDR_TYPE_CPU, GICC);
  } else {
    gic_attribute(device.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, GICD);
    gic_attribute(device.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, GICR);
  }
  gic_attribute(device.fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, 0);
  return version;
}

int main(void)
{
  int kvm = open("/dev/kvm", O_RDWR);
  check(kvm, "/dev/kvm");
  int vm = ioctl(kvm, KVM_CREATE_VM, 0);
  check(vm, "KVM_CREATE_VM");
  char *ram = mmap(0, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(ram, guest_start, guest_end - guest_start);
  struct kvm_userspace_memory_region region = {
    .guest_phys_addr = RAM_BASE, .memory_size = RAM_SIZE, .userspace_addr = (uint64_t)ram
  };
  check(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
  int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
  check(vcpu, "KVM_CREATE_VCPU");
  struct kvm_vcpu_init init;
  check(ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init), "KVM_ARM_PREFERRED_TARGET");
  init.features[0] |= 1u << KVM_ARM_VCPU_PSCI_0_2;
  check(ioctl(vcpu, KVM_ARM_VCPU_INIT, &init), "KVM_ARM_VCPU_INIT");
  int version = create_gic(vm);
  set_register(vcpu, CORE(pc), RAM_BASE);
  set_register(vcpu, CORE(regs[0]), (uint64_t)version);
  struct kvm_run *run = mmap(0, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
  unsigned reads = 0, writes = 0;
  for (;;) {
    check(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
    if (run->exit_reason == KVM_EXIT_MMIO && run->mmio.phys_addr == CONSOLE && run->mmio.is_write) {
      writes++;
      putchar(run->mmio.data[0]);
    } else if (run->exit_reason == KVM_EXIT_MMIO && !run->mmio.is_write) {
      reads++;
      memcpy(run->mmio.data, &reads, sizeof reads);
    } else if (run->exit_reason == KVM_EXIT_SYSTEM_EVENT) {
      printf("kvm: GICv%d, the guest switched itself off after %u reads and %u writes\n", version, reads, writes);
      return 0;
    } else {
      printf("kvm: unexpected exit %u\n", run->exit_reason);
      return 1;
    }
  }
}
