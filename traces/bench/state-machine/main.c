/*
 * The mix of a small controller: recognise numbers in text with a state machine, keep a linked list in order, multiply
 * matrices, and fold all of it into a checksum. Similar in kind to CoreMark, and no code of it.
 */
#include "bench.h"

#define REPETITIONS 30000
#define LIST_LENGTH 64
#define ORDER 12

enum state { START, SIGN, INTEGER, POINT, FRACTION, EXPONENT, EXPONENT_SIGN, EXPONENT_DIGITS, INVALID, STATES };

static u16 crc16(u16 crc, u32 value)
{
  for (u32 bit = 0; bit < 32; bit++, value >>= 1)
    crc = (crc ^ value) & 1 ? crc >> 1 ^ 0xa001 : crc >> 1;
  return crc;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_sign(char c) { return c == '+' || c == '-'; }

static enum state step(enum state state, char c)
{
  switch (state) {
  case START: return is_sign(c) ? SIGN : is_digit(c) ? INTEGER : c == '.' ? POINT : INVALID;
  case SIGN: return is_digit(c) ? INTEGER : c == '.' ? POINT : INVALID;
  case INTEGER: return is_digit(c) ? INTEGER : c == '.' ? FRACTION : c == 'e' ? EXPONENT : INVALID;
  case POINT: return is_digit(c) ? FRACTION : INVALID;
  case FRACTION: return is_digit(c) ? FRACTION : c == 'e' ? EXPONENT : INVALID;
  case EXPONENT: return is_sign(c) ? EXPONENT_SIGN : is_digit(c) ? EXPONENT_DIGITS : INVALID;
  case EXPONENT_SIGN:
  case EXPONENT_DIGITS: return is_digit(c) ? EXPONENT_DIGITS : INVALID;
  default: return INVALID;
  }
}

/* How often each state is where a number ends. */
static u16 recognise(u16 crc, char *text)
{
  u32 endings[STATES] = {0};
  enum state state = START;
  for (char *c = text; *c; c++) {
    if (*c == ',') {
      endings[state]++;
      state = START;
    } else {
      state = step(state, *c);
    }
  }
  for (u32 n = 0; n < STATES; n++)
    crc = crc16(crc, endings[n]);
  return crc;
}

struct item {
  struct item *next;
  u32 key;
};

static struct item items[LIST_LENGTH];

static struct item *insert(struct item *head, struct item *item)
{
  struct item **link = &head;
  while (*link && (*link)->key < item->key)
    link = &(*link)->next;
  item->next = *link;
  *link = item;
  return head;
}

static u16 order_list(u16 crc, u32 *random)
{
  struct item *head = 0;
  for (u32 n = 0; n < LIST_LENGTH; n++) {
    items[n].key = next_random(random) & 0xffff;
    head = insert(head, &items[n]);
  }
  for (struct item *item = head; item; item = item->next)
    crc = (u16)(crc * 31 + item->key);
  return crc;
}

static int a[ORDER][ORDER], b[ORDER][ORDER];

static u16 multiply(u16 crc, u32 *random)
{
  for (u32 i = 0; i < ORDER; i++)
    for (u32 j = 0; j < ORDER; j++)
      a[i][j] = next_random(random) & 0xff, b[i][j] = (int)(i * j + crc) & 0xff;
  for (u32 i = 0; i < ORDER; i++)
    for (u32 j = 0; j < ORDER; j++) {
      int sum = 0;
      for (u32 k = 0; k < ORDER; k++)
        sum += a[i][k] * b[k][j];
      crc = (u16)(crc + (sum >> 3 ^ sum));
    }
  return crc;
}

int main(void)
{
  static char text[] = "5012,-874,+122,.2,35.54400,.1234500,-110.700,+0.64400,5.500e+3,-.123e-2,-87e+832,T0.3e-1F,-T.T++Tq,1T3.4e4z,";
  u32 random = 3;
  u16 crc = 0;
  enable_mmu();
  for (u32 repetition = 0; repetition < REPETITIONS; repetition++) {
    text[repetition % 8] = (char)('0' + repetition % 10);
    crc = recognise(crc, text);
    crc = order_list(crc, &random);
    crc = multiply(crc, &random);
  }
  print("state-machine: %04x\n", crc);
  return 0;
}
