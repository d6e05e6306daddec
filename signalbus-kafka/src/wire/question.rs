use std::ops::RangeInclusive;

use kafka_protocol::{
    messages::{
        ApiKey, ApiVersionsRequest, ApiVersionsResponse, FetchRequest, FetchResponse,
        FindCoordinatorRequest, FindCoordinatorResponse, ListOffsetsRequest, ListOffsetsResponse,
        MetadataRequest, MetadataResponse, OffsetCommitRequest, OffsetCommitResponse,
        SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest,
        SaslHandshakeResponse,
    },
    protocol::{Decodable, Encodable, HeaderVersion},
};

/// What can be asked of a broker.
pub(crate) trait Question: Encodable + HeaderVersion {
    /// What it is called.
    const NAME: &'static str;
    /// What it is called by number.
    const KEY: ApiKey;
    /// The versions that we speak. Brokers of 2.1 to 4.4 have one of each.
    const VERSIONS: RangeInclusive<i16>;
    /// What is answered.
    type Answer: Decodable + HeaderVersion;
}

macro_rules! questions {
    ($($name:ident: $request:ty => $answer:ty, $versions:expr;)+) => { $(
        impl Question for $request {
            const NAME: &'static str = stringify!($name);
            const KEY: ApiKey = ApiKey::$name;
            const VERSIONS: RangeInclusive<i16> = $versions;
            type Answer = $answer;
        }
    )+ };
}

questions! {
    ApiVersions: ApiVersionsRequest => ApiVersionsResponse, 0..=0;
    SaslHandshake: SaslHandshakeRequest => SaslHandshakeResponse, 1..=1;
    SaslAuthenticate: SaslAuthenticateRequest => SaslAuthenticateResponse, 0..=1;
    Metadata: MetadataRequest => MetadataResponse, 4..=9;
    ListOffsets: ListOffsetsRequest => ListOffsetsResponse, 2..=6;
    Fetch: FetchRequest => FetchResponse, 4..=12;
    FindCoordinator: FindCoordinatorRequest => FindCoordinatorResponse, 1..=3;
    OffsetCommit: OffsetCommitRequest => OffsetCommitResponse, 2..=8;
}
