/*
 * session_bind.h - SESSION_SETUP with SMB2_SESSION_FLAG_BINDING: one more connection for a session that lives on others.
 *
 * Policy has seen the request, and its signature holds: whoever sent it has Session.SigningKey. Until the last step
 * succeeds the session, which is in use elsewhere, does not change; a binding that fails leaves nothing.
 *
 * Spec     [MS-SMB2] 3.3.5.5, 3.3.5.5.3
 */
#pragma once

#include "cmd/cmd.h"

/* First step, or a further one: q->channel becomes the half-open channel. */
MUST_CHECK nt_status session_bind_begin(struct req *q);
/* Its authentication has proved who: q->channel becomes a channel of the session. */
MUST_CHECK nt_status session_bind_finish(struct req *q, const struct principal *who);
