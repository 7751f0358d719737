/*
 * The hypercalls, by HVC #0 with the function in x0, arguments from x1 on and the result in x0 (SMC Calling
 * Convention, vendor-specific hypervisor services). PSCI goes by SMC. Shared by hypervisor and guests.
 */
#ifndef HYPERCALL_H
#define HYPERCALL_H

#define HVC_YIELD 0xc6000000     /* let the other guest run */
#define HVC_PRINT 0xc6000001     /* x1: IPA of a string, x2: its length */
#define HVC_GET_TIME 0xc6000002  /* nanoseconds since this guest was started */
#define HVC_STATISTIC 0xc6000003 /* x1: any key, x2: a value to keep under it */
#define HVC_SEAL 0xc6000004      /* x1: IPA, x2: size: the pages can never be written again */
#define SMCCC_NOT_SUPPORTED (~0ul)

#endif
