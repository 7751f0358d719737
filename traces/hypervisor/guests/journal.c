/* Guest 2 keeps a journal: records of text in demand-paged memory, archived in frames that it looks at through a window. */
#include "kernel.h"
#include "page_table.h"
#include "print.h"
#include "string.h"
#include "sysreg.h"

#define RECORDS 1024
#define CHAPTERS (RECORDS * sizeof(struct record) / PAGE_SIZE)
#define TEXT_LENGTH 40

struct record {
  u32 number, words;
  u32 check;
  char text[TEXT_LENGTH];
};

static const char *const words[] = {"opened", "the",  "valve", "and",   "waited", "until", "pressure", "fell",
                                    "then",   "shut", "pump",  "three", "at",     "noon",  "sharp",    "again"};

static u64 archive[CHAPTERS];
static u32 random_state = 153;

static u32 next_random(void)
{
  random_state = random_state * 1103515245 + 12345;
  return random_state >> 16;
}

static u32 check_of(const char *text)
{
  u32 check = 2166136261u;
  while (*text)
    check = (check ^ (u8)*text++) * 16777619u;
  return check;
}

/* As many random words as fit. */
static u32 write_text(char *text, usize size)
{
  usize used = 0;
  u32 count = 0;
  for (;; count++) {
    const char *word = words[next_random() % array_length(words)];
    usize length = strlen(word);
    if (used + length + 2 > size)
      break;
    if (used)
      text[used++] = ' ';
    memcpy(text + used, word, length);
    used += length;
  }
  text[used] = 0;
  return count;
}

static u32 count_words(const char *text)
{
  u32 count = *text != 0;
  for (; *text; text++)
    count += *text == ' ';
  return count;
}

static u32 read_back(const struct record *records, unsigned from, unsigned to)
{
  u32 total = 0;
  for (unsigned n = from; n < to; n++) {
    require(records[n].number == n, "a record has a wrong number");
    require(records[n].check == check_of(records[n].text), "a record has a wrong checksum");
    require(records[n].words == count_words(records[n].text), "a record has a wrong count of words");
    total += records[n].words;
  }
  return total;
}

/* Put a page of the journal away. */
static void archive_chapter(const struct record *records, unsigned chapter)
{
  archive[chapter] = allocate_archive_frame();
  u8 *page = window_onto(archive[chapter]);
  memcpy(page, (const u8 *)records + chapter * PAGE_SIZE, PAGE_SIZE);
}

static void compare_archive(const struct record *records)
{
  for (unsigned chapter = 0; chapter < CHAPTERS; chapter++) {
    const u8 *page = window_onto(archive[chapter]);
    require(memcmp(page, (const u8 *)records + chapter * PAGE_SIZE, PAGE_SIZE) == 0, "the archive differs");
  }
}

static __attribute__((noinline)) void capitalise(char *to, const char *from)
{
  for (bool first = true; *from; first = *from++ == ' ')
    *to++ = first ? *from & ~0x20 : *from;
  *to = 0;
}

static __attribute__((noinline)) void announce(const struct record *record)
{
#ifdef BUG_SHORT_BUFFER
  char title[TEXT_LENGTH - 16];
#else
  char title[TEXT_LENGTH];
#endif
  capitalise(title, record->text);
  print("record %u: %s\n", record->number, title);
}

void guest_main(void)
{
  struct record *records = (struct record *)HEAP_VA;
  static const char greeting[] = "journal: hello by hypercall";
  hypercall(HVC_PRINT, ipa_of(greeting), sizeof greeting - 1);
  start_timer();
  u64 began = read_sysreg(CNTPCT_EL0);

  u32 written = 0;
  u64 last_heard = 0;
  for (unsigned n = 0; n < RECORDS; n++) {
    records[n].number = n;
    records[n].words = write_text(records[n].text, sizeof records[n].text);
    records[n].check = check_of(records[n].text);
    written += records[n].words;
    if (n % 16 == 15)
      last_heard = hypercall(HVC_GET_TIME, 0, 0);
    if (n % 64 == 63)
      hypercall(HVC_YIELD, 0, 0);
    if (n % 100 == 99)
      hypercall(HVC_STATISTIC, written, n);
    if (n % 256 == 255)
      announce(&records[n]);
  }
  hypercall(HVC_YIELD, 0, 0);
  for (unsigned chapter = 0; chapter < CHAPTERS; chapter++)
    archive_chapter(records, chapter);
  for (u32 nap = 0; nap < 3; nap++) {
    sleep_until_tick(this_cpu->timer_ticks + 1);
    compare_archive(records);
    require(read_back(records, 0, RECORDS) == written, "words were lost");
  }
  stop_timer();
  require(read_sysreg(CNTPCT_EL0) > began, "time stands still");
  require(hypercall(HVC_GET_TIME, 0, 0) > last_heard, "the clock went back");
  print("journal: done, %u words, %u page faults\n", written, page_faults);
}
