/* What the exercises at EL1 ask of EL2: the immediate of their HVC. */
#define HVC_EXERCISE 1         /* nothing: the exception itself is the point */
#define HVC_FINISHED 2         /* go back to run_at_el1's caller */
#define HVC_CLEAR_VIRTUAL_IRQ 3 /* HCR_EL2.VI and VF are levels: somebody has to take them away */
#define HVC_CLEAR_VIRTUAL_FIQ 4
