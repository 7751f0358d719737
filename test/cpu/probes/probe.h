typedef unsigned long u64; typedef unsigned u32;
struct R { u64 x0,x1,x2,x3, esr2, esr1, elr2, elr1, far2, hpfar; };
void run(void*,u64,struct R*);
static void pc(char c){ *(volatile u32*)0x09000000=c; }
static void ps(const char*s){while(*s)pc(*s++);}
static void ph(u64 v){ char b[17]; int n=0; do{ b[n++]="0123456789abcdef"[v&15]; v>>=4;}while(v); while(n)pc(b[--n]); }
static u32 __attribute__((aligned(64))) buf[64];
#define SVC 0xd4000001u|(0x77<<5)
#define HVC2 0xd4000002u|(2<<5)
static u32 mrs(u32 enc,int rt){return 0xd5200000u|(enc<<5)|rt;} // enc 16 bits op0 2bits
static u32 msr(u32 enc,int rt){return 0xd5000000u|(enc<<5)|rt;}
// returns 0 ok; else kind: 1<<8 | to EL1 , 2 to EL2
static int el_run(int el,u32*w,int n,struct R*r){ for(int i=0;i<n;i++)buf[i]=w[i]; buf[n]= el==0?(SVC):(HVC2);
 __asm__ volatile("dsb sy; ic iallu; isb":::"memory");
 u64 sp= 0x3c0 | (el==0?0:el==1?5:9); run(buf,sp,r);
 u32 ec=r->esr2>>26, iss=r->esr2&0x1ffffff;
 if(ec==0x16&&iss==2)return 0; if(ec==0x16&&iss==1){ if((r->esr1>>26)==0x15 && (r->esr1&0xffff)==0x77) return 0; return 1;} return 2;}
