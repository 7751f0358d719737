#include "probe.h"
void main(){
 __asm__ volatile("msr hcr_el2,%0"::"r"(1ul<<31)); 
 for(u32 enc=0x8000;enc<0x10000;enc++){
  if(enc==0xe111)continue;
  for(int el=2;el>=0;el--){ u32 w[1]={mrs(enc,0)}; struct R r={0}; int k=el_run(el,w,1,&r);
   u64 e= k==1?r.esr1:k==2?r.esr2:0;
   if(!(k&&(e>>26)==0)){ ps("r ");ph(enc);pc(' ');ph(el);pc(' '); if(k==0){ps("= ");ph(r.x0);} else {ps("T");ph(k);pc(' ');ph(e);} pc('\n'); }
  }
 }
}
