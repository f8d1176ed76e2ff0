//! What Slack's errors mean, in words.

/// The meaning of an error code of a webhook or of the Web API, and what to do about it.
pub(crate) fn explain(code: &str) -> Option<(&'static str, &'static str)> {
    Some(match code {
        "no_text" | "missing_text_or_fallback_or_attachments" => (
            "the message has no text",
            "give params.text, attachments or blocks; is a variable or a file empty?",
        ),
        "invalid_payload" => (
            "Slack cannot read the message",
            "look at params.attachments, or try with debug: true",
        ),
        "invalid_blocks" | "invalid_blocks_format" => (
            "Slack does not accept the blocks",
            "try params.blocks in Slack's Block Kit Builder",
        ),
        "msg_blocks_too_long" => (
            "the blocks have too much text together",
            "shorten them, or send two messages",
        ),
        "invalid_attachments" => (
            "Slack does not accept the attachments",
            "look at params.attachments",
        ),
        "too_many_attachments" => ("the message has more than 100 attachments", "send fewer"),
        "msg_too_long" => ("the text is too long", "Slack takes 40000 characters"),
        "channel_not_found" => (
            "there is no such channel, or the sender may not see it",
            "look at params.channel; a private channel has to be shared with the app first",
        ),
        "user_not_found" => ("there is no such user", "look at params.channel"),
        "channel_is_archived" | "is_archived" => {
            ("the channel is archived", "use another one, or unarchive it")
        }
        "not_in_channel" => (
            "the bot is not in the channel",
            "invite it there, or give it the scope chat:write.public",
        ),
        "posting_to_general_channel_denied" => (
            "posting to the general channel is not allowed",
            "use another channel",
        ),
        "action_prohibited"
        | "restricted_action"
        | "restricted_action_read_only_channel"
        | "restricted_action_thread_only_channel" => (
            "a rule of the workspace forbids it",
            "ask an administrator of the workspace",
        ),
        "no_service" | "no_service_id" | "no_active_hooks" | "invalid_token" | "no_team"
        | "team_disabled" => (
            "the webhook does not exist any more, is disabled, or its address is incomplete",
            "look at source.url, or make a new webhook",
        ),
        "rollup_error" | "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" => (
            "Slack itself has a problem; whether the message was sent is not known",
            "try again later",
        ),
        "ratelimited" | "rate_limited" | "message_limit_exceeded" => (
            "too many messages in a short time",
            "send fewer, or try again later",
        ),
        "not_authed" | "invalid_auth" => ("Slack does not accept the token", "look at source.token"),
        "account_inactive" | "token_revoked" | "token_expired" => (
            "the token is not valid any more",
            "make a new one for source.token",
        ),
        "missing_scope" => (
            "the token lacks a scope",
            "give the bot chat:write, and chat:write.customize for username and icons",
        ),
        "not_allowed_token_type" => (
            "a token of this kind may not send messages",
            "use a bot's token (xoxb-…)",
        ),
        "ekm_access_denied" | "access_denied" | "accesslimited" | "enterprise_is_restricted" => (
            "the workspace does not let this bot send messages",
            "ask an administrator of the workspace",
        ),
        "message_not_found" => (
            "there is no such message in the channel",
            "was it deleted? is params.channel the id of its channel?",
        ),
        "cant_update_message" => (
            "the message was not sent by this bot, or may not be changed",
            "update messages of the same bot only",
        ),
        "edit_window_closed" => ("the message is too old to be changed", "send a new one"),
        "thread_not_found" | "invalid_thread_ts" | "cannot_reply_to_message" => (
            "there is no such message to answer in the channel",
            "look at params.thread_ts or thread_from",
        ),
        _ => return None,
    })
}
