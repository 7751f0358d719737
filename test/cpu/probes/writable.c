#include "probe.h"
void main(){
 __asm__ volatile("msr hcr_el2,%0"::"r"(1ul<<31)); 
 for(u32 enc=0x8000;enc<0x10000;enc++){
  if(enc==0xe080||enc==0xe111)continue;
  for(int el=2;el>=1;el--){
  if(el==1 && (enc==0xc080||enc==0xc202))continue;
  struct R r={0}; u32 w0[1]={mrs(enc,0)}; int k=el_run(el,w0,1,&r); 
  if(k==0){ for(int z=0;z<2;z++){ u32 w[4]={mrs(enc,1),msr(enc,0),mrs(enc,2),msr(enc,1)}; struct R q={0}; q.x0=z?0:~0ul; k=el_run(el,w,4,&q);
    ps(z?"z ":"w ");ph(enc);pc(' ');ph(el);pc(' '); if(k==0){ph(q.x1);pc(' ');ph(q.x2);} else {ps("T");ph(k);pc(' ');ph(k==1?q.esr1:q.esr2);} pc('\n'); if(k)break; } }
  else { u32 w[1]={msr(enc,31)}; struct R q={0}; k=el_run(el,w,1,&q); u64 e=k==1?q.esr1:q.esr2; if(!(k&&(e>>26)==0)){ ps("wo ");ph(enc);pc(' ');ph(el);pc(' ');if(k){ps("T");ph(k);pc(' ');ph(e);} pc('\n');} }
  }
 }
}
