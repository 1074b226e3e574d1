//! How many allocations one message costs from the sender's bytes to the recipient's acknowledgement.
#![allow(clippy::unwrap_used)]
#![allow(unsafe_code)] // A counting allocator cannot be had without.

mod world;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use waxwing_kernel::{Archive, Settings};
use waxwing_stanza::Stanza;
use waxwing_xml::{Limits, Scope};
use world::{Client, World, settings};

struct Counting;

thread_local! {
    /// `None`: not counted.
    static COUNT: Cell<Option<usize>> = const { Cell::new(None) };
}

fn count() {
    // A thread that ends has no counter any more.
    let _ = COUNT.try_with(|cell| cell.set(cell.get().map(|count| count + 1)));
}

// SAFETY: every call is passed on unchanged to the system's allocator, whose contract is this one's; the counter is a
// thread-local `Cell` without a destructor, which does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const LIMITS: Limits = Limits { frame: 256 << 10, depth: 100, attributes: 64 };

struct Way {
    from: Client,
    to: Client,
    out: Vec<u8>,
    read: u32,
}

impl Way {
    /// One message of about 360 bytes, from the sender's bytes to the recipient's acknowledgement, handed to the
    /// writer in between. Returns the allocations.
    async fn message(&mut self, n: u32) -> usize {
        let xml = format!(
            "<message to='juliet@x/balcony-7c1f' id='8f3f6a1e-57c7-4b5a-9d0e-{n:012}' type='chat'>\
             <body>Wherefore art thou Romeo? Deny thy father and refuse thy name.</body>\
             <origin-id xmlns='urn:xmpp:sid:0' id='8f3f6a1e-57c7-4b5a-9d0e-{n:012}'/>\
             <active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/>\
             </message>"
        );
        assert!((330..390).contains(&xml.len()), "{}", xml.len());
        COUNT.set(Some(0));
        let (_, element) = waxwing_xml::scan_front(&xml, &Scope::client(), &LIMITS).unwrap();
        let mut stanza = Stanza::read(element).unwrap();
        stanza.from = Some(self.from.session.jid.clone());
        let ticket = self.from.session.receive();
        waxwing_im::handle(self.from.session.clone(), stanza, ticket).await;
        let account = &self.to.session.account;
        account.commit_all();
        self.out.clear();
        let count = self.to.session.outbox(|outbox| outbox.drain(account, &mut self.out, 16 << 10));
        self.read += count;
        self.to.session.acknowledge(self.read).unwrap();
        self.from.session.inbound(|inbound| inbound.tell());
        let allocations = COUNT.take().unwrap();
        assert_eq!(count, 1);
        allocations
    }
}

async fn measure(archive: Archive) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { linger: Duration::from_secs(60), ..settings() };
    let world = World::start(folder.path(), 1, archive, settings).await;
    world.install_modules();
    let from = world.client("romeo", "orchard-12ab").await;
    let to = world.client("juliet", "balcony-7c1f").await;
    from.available(0);
    to.available(0);
    let mut way = Way { from, to, out: Vec::with_capacity(32 << 10), read: 0 };
    let mut most = 0;
    for n in 0..2000 {
        let allocations = way.message(n).await;
        if n >= 1000 {
            most = most.max(allocations);
        }
        world.core.writer.flush().await;
    }
    most
}

#[tokio::test]
async fn a_message_to_an_online_client_costs_at_most_eight_allocations() {
    let most = measure(Archive::UntilDelivered).await;
    println!("{most} allocations");
    assert!(most <= 8, "{most} allocations");
}
