#include "probe.h"
/* ERET with every AArch64 mode field, from EL2 and EL1, by HCR_EL2: what the next instruction does. */
static u32 __attribute__((aligned(64))) there[2];
void main(){
 static const u64 hcrs[3]={1ul<<31,(1ul<<31)|(1ul<<27),0};
 for(int h=0;h<3;h++) for(int from=2;from>=1;from--) for(u64 m=0;m<16;m++){
  if(from==1&&h!=0)continue;
  /* QEMU goes to AArch64 EL0 below an AArch32 EL1, and is lost there. */
  if(h==2&&m==0)continue;
  struct R r={0}; u64 spsr=0xa0000240ul|m;
  /* The instruction returned to ends in an exception at EL2 or EL1: SVC tells the level by its syndrome. */
  there[0]=SVC; buf[0]=0xd5184000u|0 /* msr spsr_el1,x0 */; buf[1]=0xd5184021u /* msr elr_el1,x1 */; buf[2]=0xd69f03e0u /* eret */;
  __asm__ volatile("dsb sy; ic iallu; isb; msr hcr_el2,%0; isb"::"r"(hcrs[h]):"memory");
  r.x0=spsr; r.x1=(u64)there;
  if(from==2) run(there,spsr,&r); else run(buf,0x3c5,&r);
  u64 spsr1; __asm__ volatile("mrs %0,spsr_el1":"=r"(spsr1));
  u64 spsr2; __asm__ volatile("mrs %0,spsr_el2; msr hcr_el2,%1":"=r"(spsr2):"r"(hcrs[0]));
  ph(hcrs[h]);pc(' ');ph(from);pc(' ');ph(m);pc(' '); 
  if((r.esr2>>26)==0x16){ ps("1 ");ph(r.esr1);pc(' ');ph(spsr1);} else { ps("2 ");ph(r.esr2);pc(' ');ph(spsr2);} pc('\n');
 }
}
