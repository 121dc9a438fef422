#include "smb/channel_sequence.h"

enum { NEWER_MAX = 0x7FFF }; /* in 16 bits: further ahead is behind */

bool channel_sequence_enter(struct channel_sequence *s, uint16_t sequence, bool replay,
			    bool *ret_counted)
{
	uint16_t ahead = (uint16_t)(sequence - s->current);

	*ret_counted = false;
	if (ahead > NEWER_MAX)
		return false;
	if (ahead) {
		s->before += s->outstanding;
		s->outstanding = 0;
		s->current = sequence;
	}
	if (replay && s->before) /* what it repeats may be one of those */
		return false;
	s->outstanding++;
	*ret_counted = true;
	return true;
}

void channel_sequence_leave(struct channel_sequence *s, uint16_t sequence, bool counted)
{
	if (!counted)
		return;
	if (sequence == s->current)
		s->outstanding--;
	else
		s->before--;
}
