/* PSCI calls. The virt board with EL2 takes them by SMC; so does a guest of the hypervisor here. */
#ifndef PSCI_H
#define PSCI_H

#define PSCI_VERSION 0x84000000u
#define PSCI_SYSTEM_OFF 0x84000008u

_Noreturn void power_off(void);

#endif
