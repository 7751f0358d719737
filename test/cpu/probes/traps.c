#include "probe.h"
#define S(R,v) __asm__ volatile("msr " R ",%0; isb"::"r"((u64)(v)))
#define HCR0 (1ul<<31)
static u64 scratch[64] __attribute__((aligned(64)));
struct C{const char*n;int reg;int bit;int val;};
static struct C cs[]={
{"base",0,0,0},
{"HCR_EL2.3",1,3,1},{"HCR_EL2.4",1,4,1},{"HCR_EL2.13",1,13,1},{"HCR_EL2.14",1,14,1},{"HCR_EL2.15",1,15,1},{"HCR_EL2.16",1,16,1},{"HCR_EL2.17",1,17,1},{"HCR_EL2.18",1,18,1},{"HCR_EL2.19",1,19,1},{"HCR_EL2.20",1,20,1},{"HCR_EL2.21",1,21,1},{"HCR_EL2.22",1,22,1},{"HCR_EL2.23",1,23,1},{"HCR_EL2.24",1,24,1},{"HCR_EL2.25",1,25,1},{"HCR_EL2.26",1,26,1},{"HCR_EL2.28",1,28,1},{"HCR_EL2.30",1,30,1},
{"CPTR_EL2.31",2,31,1},{"CPTR_EL2.20",2,20,1},{"CPTR_EL2.10",2,10,1},
{"MDCR_EL2.5",3,5,1},{"MDCR_EL2.6",3,6,1},{"MDCR_EL2.8",3,8,1},{"MDCR_EL2.9",3,9,1},{"MDCR_EL2.10",3,10,1},{"MDCR_EL2.11",3,11,1},
{"CNTHCTL_EL2.0",4,0,0},{"CNTHCTL_EL2.1",4,1,0},
{"CNTKCTL_EL1.0",5,0,0},{"CNTKCTL_EL1.1",5,1,0},{"CNTKCTL_EL1.8",5,8,0},{"CNTKCTL_EL1.9",5,9,0},
{"CPACR_EL1.20",6,20,0},{"CPACR_EL1.21",6,21,0},{"CPACR_EL1.28",6,28,1},
{"SCTLR_EL1.9",7,9,0},{"SCTLR_EL1.14",7,14,0},{"SCTLR_EL1.15",7,15,0},{"SCTLR_EL1.16",7,16,0},{"SCTLR_EL1.18",7,18,0},{"SCTLR_EL1.26",7,26,0},
{"PMUSERENR_EL0.0",8,0,0},{"PMUSERENR_EL0=0",9,0,0},{"PMUSERENR_EL0=2",9,0,2},{"PMUSERENR_EL0=4",9,0,4},{"PMUSERENR_EL0=8",9,0,8},
{"MDSCR_EL1.12",10,12,1},
{"ICH_HCR_EL2.10",11,10,1},{"ICH_HCR_EL2.11",11,11,1},{"ICH_HCR_EL2.12",11,12,1},{"ICH_HCR_EL2.14",11,14,1},
};
static u64 ap(u64 base,struct C*c,int r){ if(c->reg!=r)return base; return c->val?base|(1ul<<c->bit):base&~(1ul<<c->bit);}
static void conf(struct C*c){
 S("hcr_el2",ap(HCR0,c,1)); S("cptr_el2",ap(0x33ff,c,2)); S("mdcr_el2",ap(6,c,3)); S("cnthctl_el2",ap(3,c,4)); S("cntkctl_el1",ap(0x303,c,5));
 S("cpacr_el1",ap(3ul<<20,c,6)); S("sctlr_el1",ap(0x30d00800ul|(1<<26)|(1<<15)|(1<<14)|(1<<9)|(1<<16)|(1<<18),c,7)); S("pmuserenr_el0",c->reg==9?c->val:ap(0xf,c,8)); S("mdscr_el1",ap(0,c,10));
#if GIC == 3
 S("S3_4_C12_C11_0",ap(0,c,11));
#endif
}
static u64 val(u32 enc){ struct R r={0}; u32 w[1]={mrs(enc,0)}; if(enc<0x8000)return (u64)scratch; if(el_run(2,w,1,&r))return 0; return r.x0; }
static u64 status(int el,u32 word,u64 v){ struct R r={0}; r.x0=v; u32 w[1]={word}; int k=el_run(el,w,1,&r); return k==0?0:((u64)k<<32)|(u32)(k==1?r.esr1:r.esr2); }
static u32 extra[]={0xd503205f/*wfe*/,0xd4000003|(0x55<<5)/*smc*/,0xd4000002|(0x44<<5)/*hvc*/,0xd50343df/*daifset 3*/,0xd50343ff,0xd50040bf/*spsel*/,0xd5033fdf};
static void one(const char*name,u32 id,int el,u32 word,u64 v,int force){
 u64 b=0; for(unsigned i=0;i<sizeof cs/sizeof cs[0];i++){ conf(&cs[i]); u64 s=status(el,word,v); if(i==0){ b=s; if(!force&&((u32)s>>26)==0&&s) return; ps(name);pc(' ');ph(id);pc(' ');ph(el);pc(' ');ph((u32)s);pc(' ');ph(s>>32);pc('\n'); } else if(s!=b){ ps(" - ");ps(cs[i].n);pc(' ');ph((u32)s);pc(' ');ph(s>>32);pc('\n'); } }
}
void main(){
 for(u32 enc=0x4000;enc<0x10000;enc++){ 
  for(int el=1;el>=0;el--) for(int w=0;w<2;w++){ conf(&cs[0]); if(w==1 && enc==0xc202) continue; u64 v=val(enc);
   if(enc==0xc212) v=0x3c0; if(enc==0xc080) v=0x34d5ca00ul; 
   one(w?"W":"R",enc,el, w?msr(enc,0):mrs(enc,0), v,0);
   }
 }
 for(unsigned i=0;i<sizeof extra/4;i++) for(int el=1;el>=0;el--) { one("X",extra[i],el,extra[i],0,1);}
}
