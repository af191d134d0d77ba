//! The numbers of a policy.

/// How calls to one model are held. Times are in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PolicySettings {
    /// Longest time of one call, of a chat until its first piece and between two pieces; `None` leaves it to what is left of
    /// the request. It is never more than that.
    pub timeout_ms: Option<u64>,
    /// Most calls for one request, the first among them; at least 1.
    pub attempts: u32,
    /// The pause before the first repetition is drawn from 0 to this; before each further one from twice as much.
    pub pause_ms: u64,
    /// No pause is longer, also where the model's host asks for more: the call is then not repeated.
    pub longest_pause_ms: u64,
    /// Repetitions that may be made for each call, in the long run.
    pub retry_share: f64,
    /// Failures in a row that open the breaker.
    pub failures: u32,
    /// Share of failures within ten seconds that opens it, from 20 calls on.
    pub failure_share: f64,
    /// Time that it stays open at first; it doubles with each probe that fails.
    pub open_ms: u64,
    /// Most time that it stays open.
    pub longest_open_ms: u64,
    /// Calls at once, over all tenants; at least 1.
    pub places: usize,
    /// Calls at once of one tenant; fewer than `places`, so that it cannot take them all.
    pub places_of_tenant: usize,
    /// Calls of one tenant that may wait for a place.
    pub waiting_of_tenant: usize,
}

impl Default for PolicySettings {
    fn default() -> Self {
        Self {
            timeout_ms: Some(10_000),
            attempts: 3,
            pause_ms: 50,
            longest_pause_ms: 2_000,
            retry_share: 0.2,
            failures: 8,
            failure_share: 0.5,
            open_ms: 1_000,
            longest_open_ms: 15_000,
            places: 512,
            places_of_tenant: 384,
            waiting_of_tenant: 256,
        }
    }
}

impl PolicySettings {
    /// With `places` calls at once, three quarters of which one tenant may take.
    #[must_use]
    pub fn with_places(self, places: usize) -> Self {
        let places = places.max(1);
        // Two places and more always leave one to others.
        let of_tenant = (places * 3 / 4).max(1);
        Self { places, places_of_tenant: of_tenant, ..self }
    }
}
