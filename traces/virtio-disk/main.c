/*
 * A driver for the first virtio disk of the board, by interrupts and WFI, for both versions of virtio-mmio. It reads, writes
 * and asks for what does not exist, and prints what came of it. Without a disk (the board's default) it says so.
 *
 *     hindsight record traces/virtio-disk/virtio-disk.elf --drive disk.qcow2
 *     qemu-system-aarch64 … -drive file=disk.qcow2,if=none,id=d,snapshot=on -device virtio-blk-device,drive=d
 */
#include "gic.h"
#include "print.h"
#include "string.h"
#include "sysreg.h"

#define TRANSPORTS 32
#define TRANSPORT(n) (0x0a000000ul + 0x200 * (n))
#define INTID(n) (48 + (n))

#define MAGIC 0x00
#define VERSION 0x04
#define DEVICE_ID 0x08
#define DEVICE_FEATURES 0x10
#define DEVICE_FEATURES_SEL 0x14
#define DRIVER_FEATURES 0x20
#define DRIVER_FEATURES_SEL 0x24
#define GUEST_PAGE_SIZE 0x28
#define QUEUE_SEL 0x30
#define QUEUE_NUM 0x38
#define QUEUE_ALIGN 0x3c
#define QUEUE_PFN 0x40
#define QUEUE_READY 0x44
#define QUEUE_NOTIFY 0x50
#define INTERRUPT_STATUS 0x60
#define INTERRUPT_ACK 0x64
#define STATUS 0x70
#define QUEUE_DESC 0x80
#define QUEUE_DRIVER 0x90
#define QUEUE_DEVICE 0xa0
#define CAPACITY 0x100

#define BLOCK_DEVICE 2
#define FEATURES_OK 8
#define QUEUE_SIZE 8
#define SECTOR 512
#define CHUNK_SECTORS 8

#define DESC_NEXT 1
#define DESC_WRITE 2

enum request { READ = 0, WRITE = 1, FLUSH = 4, GET_ID = 8, NO_REQUEST = 99 };

struct queue {
  struct descriptor {
    u64 address;
    u32 length;
    u16 flags, next;
  } descriptors[QUEUE_SIZE];
  struct {
    u16 flags, index, ring[QUEUE_SIZE], used_event;
  } available;
  /* The legacy interface wants the used ring on the next page. */
  struct {
    u16 flags, index;
    struct {
      u32 head, length;
    } ring[QUEUE_SIZE];
    u16 available_event;
  } used __attribute__((aligned(4096)));
};

static struct queue queue __attribute__((aligned(4096)));
static struct {
  u32 type, reserved;
  u64 sector;
} header;
static volatile u8 status;
static u8 data[CHUNK_SECTORS * SECTOR] __attribute__((aligned(4096)));
static u64 base;
static unsigned intid, interrupts;

static u32 get(unsigned offset)
{
  return mmio_read32(base + offset);
}

static void set(unsigned offset, u32 value)
{
  mmio_write32(base + offset, value);
}

static void set_address(unsigned offset, const volatile void *address)
{
  set(offset, (u32)(u64)address);
  set(offset + 4, (u64)address >> 32);
}

/* Accept the features of the second word alone: VIRTIO_F_VERSION_1, which only version 2 has. */
static void negotiate(void)
{
  set(GUEST_PAGE_SIZE, 4096);
  set(STATUS, 0);
  set(STATUS, 1);
  set(STATUS, 3);
  if (get(VERSION) == 1) {
    set(DRIVER_FEATURES, 0);
    return;
  }
  set(DRIVER_FEATURES_SEL, 1);
  set(DRIVER_FEATURES, 1);
  set(DRIVER_FEATURES_SEL, 0);
  set(DRIVER_FEATURES, 0);
  set(STATUS, 3 | FEATURES_OK);
  if (!(get(STATUS) & FEATURES_OK))
    print("the device does not take these features\n");
}

static void start(void)
{
  negotiate();
  set(QUEUE_SEL, 0);
  set(QUEUE_NUM, QUEUE_SIZE);
  if (get(VERSION) == 1) {
    set(QUEUE_ALIGN, 4096);
    set(QUEUE_PFN, (u64)&queue / 4096);
    set(STATUS, 7);
    return;
  }
  set_address(QUEUE_DESC, queue.descriptors);
  set_address(QUEUE_DRIVER, &queue.available);
  set_address(QUEUE_DEVICE, &queue.used);
  set(QUEUE_READY, 1);
  set(STATUS, 7 | FEATURES_OK);
}

static void enable_interrupt(void)
{
  u64 word = intid / 32 * 4;
  u32 bit = 1u << intid % 32;
  mmio_write32(GICD_BASE + GICD_IGROUPR + word, mmio_read32(GICD_BASE + GICD_IGROUPR + word) | bit);
  mmio_write8(GICD_BASE + GICD_IPRIORITYR + intid, 0x80);
  if (gic->version == 2)
    mmio_write8(GICD_BASE + 0x800 + intid, 1); /* GICD_ITARGETSR */
  mmio_write32(GICD_BASE + GICD_ISENABLER + word, bit);
}

/* Interrupts are masked: WFI ends when one is pending, and it is acknowledged here. */
static void wait(void)
{
  volatile u16 *done = &queue.used.index;
  while (*done != queue.available.index) {
    wfi();
    u32 id = gic->acknowledge(GIC_IRQ);
    if (id != intid)
      continue;
    set(INTERRUPT_ACK, get(INTERRUPT_STATUS));
    gic->drop_priority(GIC_IRQ, id);
    gic->deactivate(id);
    interrupts++;
  }
}

/* The status that the device answers with. */
static u8 request(enum request type, u64 sector, u32 length)
{
  u16 flags = type == WRITE ? 0 : DESC_WRITE;
  unsigned n = 0;
  header.type = type;
  header.sector = sector;
  status = 0xff;
  queue.descriptors[n++] = (struct descriptor){(u64)&header, sizeof header, DESC_NEXT, 1};
  if (length) {
    queue.descriptors[n] = (struct descriptor){(u64)data, length, flags | DESC_NEXT, n + 1};
    n++;
  }
  queue.descriptors[n] = (struct descriptor){(u64)&status, 1, DESC_WRITE, 0};
  queue.available.ring[queue.available.index % QUEUE_SIZE] = 0;
  dsb(sy);
  queue.available.index++;
  dsb(sy);
  set(QUEUE_NOTIFY, 0);
  wait();
  return status;
}

static u64 capacity(void)
{
  return get(CAPACITY) | (u64)get(CAPACITY + 4) << 32;
}

/* A checksum of the whole disk. */
static u32 checksum(void)
{
  u32 sum = 1;
  for (u64 sector = 0; sector < capacity(); sector += CHUNK_SECTORS) {
    if (request(READ, sector, sizeof data) != 0)
      return 0;
    for (unsigned i = 0; i < sizeof data; i++)
      sum = sum * 31 + data[i];
  }
  return sum;
}

/* A function that returns a number, as a sector of the disk. */
static void write_function(u64 sector, u32 number)
{
  u32 instructions[] = {0x52800000 | number << 5, 0xd65f03c0}; /* mov w0, #number; ret */
  memcpy(data, instructions, sizeof instructions);
  request(WRITE, sector, SECTOR);
}

/* Read it into memory, where another may have been executed before, and call it. */
static u32 call_function(u64 sector)
{
  request(READ, sector, SECTOR);
  dsb(sy);
  asm volatile("ic iallu");
  dsb(sy);
  isb();
  return ((u32 (*)(void))data)();
}

static void exercise(void)
{
  print("capacity %lu sectors, checksum %08x\n", capacity(), checksum());
  u8 answer = request(READ, 24, SECTOR);
  data[20] = 0;
  print("read sector 24: status %u, \"%s\"\n", answer, (char *)data);
  for (u64 sector = 1; sector < capacity(); sector += 100) {
    memset(data, (int)sector, SECTOR);
    memcpy(data, "written by the guest", 20);
    answer = request(WRITE, sector, SECTOR);
  }
  print("write: status %u, flush: status %u\n", answer, request(FLUSH, 0, 0));
  memset(data, 0, sizeof data);
  answer = request(READ, 101, SECTOR);
  data[20] = 0;
  print("read sector 101: status %u, \"%s\"\n", answer, (char *)data);
  print("read behind the end: status %u\n", request(READ, capacity(), SECTOR));
  print("write behind the end: status %u\n", request(WRITE, capacity() - 1, 2 * SECTOR));
  print("unknown request: status %u\n", request(NO_REQUEST, 0, 0));
  memset(data, 0, SECTOR);
  answer = request(GET_ID, 0, 20);
  print("identification: status %u, \"%s\"\n", answer, (char *)data);
  write_function(40, 7);
  write_function(41, 9);
  u32 first = call_function(40);
  print("code from the disk: %u, then %u\n", first, call_function(41));
  u32 sum = checksum();
  print("checksum %08x, %s\n", sum, interrupts ? "by interrupts" : "without interrupts");
}

int main(void)
{
  unsigned absent = 0, disk = TRANSPORTS;
  gic_init();
  write_sysreg(HCR_EL2, 0x80000038); /* RW, AMO, IMO, FMO */
  isb();
  for (unsigned n = 0; n < TRANSPORTS; n++) {
    base = TRANSPORT(n);
    u32 id = get(DEVICE_ID);
    if (get(MAGIC) != 0x74726976)
      print("transport %u: no magic value\n", n);
    if (id == 0)
      absent++;
    else
      print("transport %u: version %u, device %u\n", n, get(VERSION), id);
    if (id == BLOCK_DEVICE)
      disk = n;
  }
  print("%u transports without a device\n", absent);
  if (disk == TRANSPORTS) {
    print("no disk\n");
    return 0;
  }
  base = TRANSPORT(disk);
  intid = INTID(disk);
  enable_interrupt();
  start();
  exercise();
  return 0;
}
