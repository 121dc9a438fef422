#include "smb/lock_sequence.h"

#include "wire/smb2_proto.h"

enum {
	NUMBER_MASK = 0xF,
	INDEX_SHIFT = 4,
};

bool lock_sequence_applies(uint16_t dialect, uint32_t server_capabilities, bool durable)
{
	if (dialect == SMB2_DIALECT_202) /* the field is reserved */
		return false;
	return durable || (dialect >= SMB2_DIALECT_300 &&
			   (server_capabilities & SMB2_GLOBAL_CAP_MULTI_CHANNEL));
}

/* NULL for an index that has no entry: 0 is reserved. */
static uint8_t *entry_of(struct lock_sequences *s, uint32_t field)
{
	uint32_t index = field >> INDEX_SHIFT;

	return index >= 1 && index <= LOCK_SEQUENCE_COUNT ? &s->entry[index - 1] : NULL;
}

static uint8_t number_of(uint32_t field)
{
	return (uint8_t)((field & NUMBER_MASK) + 1);
}

bool lock_sequence_seen(struct lock_sequences *s, uint32_t field)
{
	uint8_t *entry = entry_of(s, field);

	if (!entry)
		return false;
	if (*entry == number_of(field))
		return true;
	*entry = 0;
	return false;
}

void lock_sequence_done(struct lock_sequences *s, uint32_t field)
{
	uint8_t *entry = entry_of(s, field);

	if (entry)
		*entry = number_of(field);
}
