/*
 * channel_sequence.h - which requests on an open are older than a failure of its client's channel.
 *
 * A client that lost a channel counts its ChannelSequence up and sends again what was not answered, over another channel.
 * What it sent before may still be on its way, or at work: such a request must not change the file any more, and one sent
 * again must not overtake it.
 *
 * Owns     nothing; a value in struct open.
 * Threads  its open's lock.
 * Spec     [MS-SMB2] 3.3.1.10 Open.ChannelSequence, OutstandingRequestCount, OutstandingPreRequestCount; 3.3.5.2.10
 */
#pragma once

#include "base/attr.h"

struct channel_sequence {
	uint16_t current;
	uint32_t outstanding; /* requests of `current` under way */
	uint32_t before;      /* older ones under way */
};

/*
 * A request begins to use the open. replay: SMB2_FLAGS_REPLAY_OPERATION.
 *
 * ret_counted  pass to channel_sequence_leave() at its end
 *
 * False: it must not change anything. WRITE, SET_INFO and IOCTL then fail with STATUS_FILE_NOT_AVAILABLE.
 */
MUST_CHECK bool channel_sequence_enter(struct channel_sequence *s, uint16_t sequence,
				       bool replay, bool *ret_counted);
void channel_sequence_leave(struct channel_sequence *s, uint16_t sequence, bool counted);
