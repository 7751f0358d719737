#include "probe.h"
void main(){ __asm__ volatile("msr hcr_el2,%0"::"r"(1ul<<31)); for(u64 i=0;i<16;i++){ u64 v; __asm__ volatile("msr csselr_el1,%1; isb; mrs %0,ccsidr_el1":"=r"(v):"r"(i)); ph(i);pc(' ');ph(v);pc('\n'); }
 struct R r={0}; u32 w[1]={0xd4000003}; 
 u64 f[]={0x84000000,0xc4000000,0x84000001,0xc4000001,0x84000002,0x84000003,0x84000004,0xc4000004,0x84000005,0xc4000005,0x84000006,0x84000007,0xc4000007,0x84000008,0x84000009,0x8400000a,0xc400000a,0x8400000b,0x8400000c,0xc400000c,0x8400000d,0x8400000e,0xc400000e,0x8400000f,0x84000010,0x84000012,0xc4000012,0x80000000,0x80000001,0x95c1ba5e,0x95c1ba5f,0x95c1ba60,0x95c1ba61,0,1,0xc4000006,0xc4000003,0xc4000008,0xc4000009};
 for(unsigned i=0;i<sizeof f/8;i++){ r=(struct R){0}; r.x0=0x8400000a; r.x1=f[i]; int k=el_run(1,w,1,&r); ps("feat ");ph(f[i]);pc(' ');ph(k);pc(' ');ph(r.x0);ps(" 64:"); r=(struct R){0}; r.x0=0xc400000a; r.x1=f[i]; k=el_run(1,w,1,&r);ph(r.x0); 
  if(f[i]==0x84000001||f[i]==0xc4000001||f[i]==0x84000002||f[i]==0x84000008||f[i]==0x84000009||f[i]==0x95c1ba5e||f[i]==0x95c1ba5f) {pc('\n');continue;}
  r=(struct R){0}; r.x0=f[i]; r.x1=5; r.x2=0; k=el_run(1,w,1,&r); ps(" call(5,0) ");ph(k);pc(' ');ph(r.x0);
  r=(struct R){0}; r.x0=f[i]; r.x1=0; r.x2=0; k=el_run(1,w,1,&r); ps(" call(0,0) ");ph(r.x0);
  r=(struct R){0}; r.x0=f[i]; r.x1=0; r.x2=1; k=el_run(1,w,1,&r); ps(" call(0,1) ");ph(r.x0);
  r=(struct R){0}; r.x0=f[i]|0x100000000; r.x1=0; r.x2=1; k=el_run(1,w,1,&r); ps(" high ");ph(r.x0);
  pc('\n'); }
 u64 g[][4]={{0x84000001,0xfffe0000,0,0},{0x84000003,1,0x40100002,7},{0x84000003,0x100000001,0x40100000,7},{0xc4000003,0x100000001,0x40100000,7},{0x84000004,1,0},{0x84000004,1,1},{0x84000004,1,2},{0x84000004,0x80000001,0},{0x84000003,1,0x7ffff000,7},{0x84000003,1,0x40100000,7},{0xc4000004,1,0}};
 for(unsigned i=0;i<sizeof g/32;i++){ r=(struct R){0}; r.x0=g[i][0];r.x1=g[i][1];r.x2=g[i][2];r.x3=g[i][3]; int k=el_run(1,w,1,&r); /* QEMU starts a CPU in its own time. */ for(volatile int wait=0;wait<20000000;wait++); ps("call ");for(int j=0;j<4;j++){ph(g[i][j]);pc(' ');} ph(k);pc(' ');ph(r.x0);pc(' ');ph(r.x1);pc(' ');ph(r.x2);pc('\n'); }
}
