//! XMPP's XML: cut frames, judge them once, write them.
