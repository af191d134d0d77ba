//! Every switch, in the order of the rules: its name, the rule that it breaks, and what is wrong while it is on.

/// Declares the switches.
macro_rules! switches {
    ($($variant:ident $name:literal $rule:literal $text:literal;)*) => {
        /// A flaw that can be turned on. Each breaks one observable thing, named by [`Sabotage::text`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Sabotage {
            $(#[doc = $text] $variant,)*
        }

        impl Sabotage {
            /// Every switch.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name, in words with hyphens.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Id of the rule that it breaks, as in `contracts/rules.yaml`.
            pub const fn rule(self) -> &'static str {
                match self {
                    $(Self::$variant => $rule,)*
                }
            }

            /// What is wrong while it is on, in one sentence.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// Whether this host has the adapter that it breaks: those of the Worker exist there alone.
            pub fn is_here(self) -> bool {
                cfg!(target_arch = "wasm32") || !["worker-", "binding-"].iter().any(|it| self.name().starts_with(it))
            }
        }
    };
}

switches! {
    // Tenants.
    DefaultTenant "default-tenant" "TEN-004" "A request without a credential is served for the tenant that x-tenant-id names, or else for the first one.";
    TenantHeaderBelieved "tenant-header-believed" "TEN-001" "The tenant that x-tenant-id names takes the place of the credential's.";
    TenantMismatchIgnored "tenant-mismatch-ignored" "TEN-002" "An x-tenant-id that differs from the credential's tenant is ignored.";
    TenantIdComparedLoosely "tenant-id-compared-loosely" "TEN-007" "An x-tenant-id is compared without regard to letter case.";
    HostMismatchIgnored "host-mismatch-ignored" "TEN-003" "A host name of another tenant is ignored.";
    ForwardedHostBelieved "forwarded-host-believed" "TEN-008" "X-Forwarded-Host takes the place of the host.";
    UnknownTenantOfTokenRefused "unknown-tenant-of-token-refused" "TEN-005" "A valid token of a tenant that is not configured answers 401.";
    ForeignDocumentReadable "foreign-document-readable" "TEN-010" "A document that only another tenant has is read from that tenant.";
    ForeignDocumentDeletable "foreign-document-deletable" "TEN-011" "A document that only another tenant has is deleted from that tenant.";
    ForeignDocumentForbidden "foreign-document-forbidden" "TEN-009" "The id of another tenant's document answers 403 instead of 404.";
    ForeignDocumentToldApart "foreign-document-told-apart" "TEN-009" "The id of another tenant's document answers 404 with a message of its own.";
    ForeignJobReadable "foreign-job-readable" "TEN-009" "A job that only another tenant has is read from that tenant.";
    DeletedTenantKeepsStores "deleted-tenant-keeps-stores" "TEN-014" "Deleting a tenant leaves its database for the next tenant of that id.";
    DebugRoutesServed "debug-routes-served" "TEN-015" "Paths that begin with /debug, /admin or /internal answer 200 to everybody.";

    // Credentials.
    SecondCredentialIgnored "second-credential-ignored" "AUT-002" "Of two Authorization fields the first counts.";
    KeyBelievedByItsChecksum "key-believed-by-its-checksum" "AUT-003" "A key that nobody has is accepted for the tenant that it names when its checksum is right.";
    UnknownKeyToldApart "unknown-key-told-apart" "AUT-003" "The message of a refused key tells whether the checksum or the look-up failed.";
    RevokedKeyAccepted "revoked-key-accepted" "AUT-004" "A revoked key is accepted.";
    ExpiredKeyAccepted "expired-key-accepted" "AUT-004" "A key past its `expires_at` is accepted.";
    RotatingKeyRefused "rotating-key-refused" "AUT-005" "A key that is being rotated is refused.";
    TokenSignatureIgnored "token-signature-ignored" "AUT-007" "A token with a signature that does not fit is accepted.";
    TokenWithoutAlgorithmAccepted "token-without-algorithm-accepted" "AUT-007" "A token with the algorithm none is accepted.";
    TokenKeyIdIgnored "token-key-id-ignored" "AUT-008" "A token with an unknown kid is checked with any key of its algorithm.";
    TokenNamesItsKey "token-names-its-key" "AUT-008" "A token whose header carries a key or an address of one is not refused for it.";
    TokenExpiryIgnored "token-expiry-ignored" "AUT-010" "The exp of a token is not looked at.";
    TokenNotBeforeIgnored "token-not-before-ignored" "AUT-010" "The nbf of a token is not looked at.";
    TokenAudienceIgnored "token-audience-ignored" "AUT-010" "The aud of a token is not looked at.";
    TokenIssuerIgnored "token-issuer-ignored" "AUT-010" "The iss of a token is not looked at.";
    TokenLifetimeUnbounded "token-lifetime-unbounded" "AUT-011" "A token may be valid for years.";
    ScopeNotChecked "scope-not-checked" "AUT-012" "Every credential may call every operation.";
    MissingScopeNotNamed "missing-scope-not-named" "AUT-012" "The refusal of a scope has no details.";
    AdminLacksScopes "admin-lacks-scopes" "AUT-013" "The scope admin opens nothing by itself.";
    OperatorOpensEverything "operator-opens-everything" "AUT-014" "The scope operator opens every operation.";

    // Order of checks and errors.
    ScopeCheckedLast "scope-checked-last" "ORD-001" "The scope is checked after size, media types and schema.";
    RateCheckedAfterScope "rate-checked-after-scope" "ORD-001" "The rate limit is checked after the scope.";
    MediaTypesCheckedLast "media-types-checked-last" "ORD-001" "Content type and accept are checked after JSON and schema.";
    ContentTypeIgnored "content-type-ignored" "ERR-007" "A body of any content type is read as JSON.";
    AcceptIgnored "accept-ignored" "ERR-006" "An Accept that excludes the answer is ignored.";
    UnknownFieldsIgnored "unknown-fields-ignored" "HDR-003" "Fields that the contract does not name are dropped from the body.";
    UnknownParametersIgnored "unknown-parameters-ignored" "HDR-004" "Query parameters that the operation does not have are dropped.";
    RepeatedJsonKeysAccepted "repeated-json-keys-accepted" "ERR-003" "Of a key that an object repeats the last counts.";
    TextAfterJsonAccepted "text-after-json-accepted" "ERR-003" "Whatever follows the first JSON value of a body is ignored.";
    ErrorShowsPath "error-shows-path" "ERR-002" "Error messages end in a file path of the server.";
    ErrorRepeatsInput "error-repeats-input" "ERR-002" "Errors of the schema repeat the value that was sent.";
    ErrorPointsElsewhere "error-points-elsewhere" "ERR-004" "Errors of the schema point at a field that the request does not have.";

    // Headers.
    RequestIdNotEchoed "request-id-not-echoed" "HDR-005" "A request id that was sent is replaced.";
    MalformedRequestIdEchoed "malformed-request-id-echoed" "HDR-006" "A malformed request id is echoed.";
    RequestIdNotVersion7 "request-id-not-version-7" "HDR-006" "Request ids that the service makes are of UUID version 4.";
    TenantHeaderMissing "tenant-header-missing" "HDR-007" "Answers do not carry x-tenant-id.";
    AnswersMayBeStored "answers-may-be-stored" "HDR-010" "Answers are cache-control: private, max-age=60.";
    CorsWildcard "cors-wildcard" "CORS-001" "Every origin is allowed by a wildcard.";
    CorsAnyOriginAllowed "cors-any-origin-allowed" "CORS-002" "Every origin is allowed by its name.";
    CorsForeignOriginAllowed "cors-foreign-origin-allowed" "CORS-002" "Origins that another tenant lists are allowed.";
    CorsPreflightRefused "cors-preflight-refused" "CORS-003" "A preflight allows nothing to a listed origin.";
    CorsPreflightOpen "cors-preflight-open" "CORS-004" "A preflight allows everything to any origin.";

    // Limits.
    BodyLimitIgnored "body-limit-ignored" "LIM-001" "Bodies of any size are read.";
    BodyLimitTooStrict "body-limit-too-strict" "LIM-001" "A body of exactly the limit is refused.";
    DocumentsLimitTooWide "documents-limit-too-wide" "LIM-002" "One document more than the limit is accepted.";
    DocumentsLimitTooStrict "documents-limit-too-strict" "LIM-002" "Exactly as many documents as the limit are refused.";
    QueryLimitIgnored "query-limit-ignored" "LIM-004" "Queries of any length are accepted.";
    QueryLimitCountsBytes "query-limit-counts-bytes" "LIM-007" "The limit of a query counts UTF-8 bytes.";
    ChunkSizeLimitIgnored "chunk-size-limit-ignored" "LIM-008" "A chunk size over the tenant's limit is accepted.";
    OverlapNotChecked "overlap-not-checked" "LIM-008" "An overlap that is not smaller than the size is accepted.";

    // Rates.
    RateNeverRefuses "rate-never-refuses" "RAT-002" "Requests over the limit are accepted.";
    RateSharedByTenants "rate-shared-by-tenants" "RAT-006" "A request counts against every tenant's limits.";
    RateWindowFixed "rate-window-fixed" "RAT-005" "The window begins anew at fixed times instead of sliding.";
    RetryAfterTooShort "retry-after-too-short" "RAT-003" "Retry-After is always one second.";
    RetryAfterTooLong "retry-after-too-long" "RAT-003" "Retry-After is five seconds too long.";
    RateRemainingConstant "rate-remaining-constant" "RAT-001" "x-ratelimit-remaining does not fall.";
    RateTenantLimitIgnored "rate-tenant-limit-ignored" "RAT-004" "The limit of the tenant as a whole is not counted.";
    RateCredentialLimitIgnored "rate-credential-limit-ignored" "RAT-004" "The limit of a credential is not counted.";
    RateClassLimitIgnored "rate-class-limit-ignored" "RAT-004" "The limits of route classes are not counted.";

    // Idempotency.
    IdempotencyNeverReplays "idempotency-never-replays" "IDM-001" "A repeated request runs again.";
    IdempotencyReplayUnmarked "idempotency-replay-unmarked" "IDM-001" "A replayed answer does not carry idempotent-replayed.";
    IdempotencyKeyNotBoundToBody "idempotency-key-not-bound-to-body" "IDM-002" "A key with another body replays the first answer.";
    IdempotencyRunsTwiceAtOnce "idempotency-runs-twice-at-once" "IDM-003" "Of two requests at once both run.";
    IdempotencyNeverExpires "idempotency-never-expires" "IDM-004" "A key is remembered for ever.";
    IdempotencyExpiresEarly "idempotency-expires-early" "TIM-001" "A key is forgotten after half of its time.";
    IdempotencySharedByTenants "idempotency-shared-by-tenants" "IDM-005" "A key of one tenant is the same key for all tenants.";
    IdempotencySharedByOperations "idempotency-shared-by-operations" "IDM-005" "A key of one operation is the same key for all operations.";
    IdempotencyKeepsFailures "idempotency-keeps-failures" "IDM-007" "A request that failed without an effect uses its key up.";

    // Capabilities and health.
    CapabilitiesMisreportLimits "capabilities-misreport-limits" "CAP-005" "The limits that are reported are twice those that take effect.";
    FeatureDeclaredInVain "feature-declared-in-vain" "CAP-004" "The feature tts is declared and does not work.";
    ModelsMisnamed "models-misnamed" "CAP-006" "The embedding model is reported under another name.";
    HealthHidesFailures "health-hides-failures" "CAP-002" "Health says ok while a dependency is down.";
    HealthNamesTenants "health-names-tenants" "CAP-001" "Health names a tenant in its dependencies.";
    ServedContractIncomplete "served-contract-incomplete" "CAP-003" "The served contract lacks the operation that deletes documents.";

    // Ingest.
    RepeatedIdsAccepted "repeated-ids-accepted" "ING-013" "A document id may stand twice in a request.";
    SameDocumentUpdated "same-document-updated" "ING-002" "A document that did not change is written again and reported as updated.";
    ChangedContentIgnored "changed-content-ignored" "ING-003" "New content under a known id is reported as unchanged.";
    OldChunksKept "old-chunks-kept" "ING-003" "The chunks of a document's old content stay beside the new ones.";
    MetadataChangeIgnored "metadata-change-ignored" "ING-012" "A document sent again with other metadata alone is unchanged.";
    CreatedReportedAsUpdated "created-reported-as-updated" "DOC-004" "A new document is reported as updated.";
    ContentHashWrong "content-hash-wrong" "ING-001" "The content hash of an outcome is that of other content.";
    OutcomesReversed "outcomes-reversed" "ING-001" "The outcomes come in the reverse order of the request.";
    FailureEndsRequest "failure-ends-request" "ING-007" "Documents after one that fails are not ingested.";
    AsyncDropsOptions "async-drops-options" "ING-006" "Ingestion as a job ignores the options of the request.";
    ScriptsIndexed "scripts-indexed" "ING-005" "The text of scripts, styles and navigation is indexed.";
    IndexNeverRefreshed "index-never-refreshed" "ING-009" "Retrieval goes on with the index of its first query.";
    MetadataNumbersAsStrings "metadata-numbers-as-strings" "ING-004" "Numbers in metadata come back as strings.";
    MetadataFlattened "metadata-flattened" "ING-004" "Nested metadata come back as keys with dots.";
    MetadataKeysLowercased "metadata-keys-lowercased" "ING-004" "Keys of metadata come back in lower case.";
    MetadataNullsDropped "metadata-nulls-dropped" "ING-004" "Nulls in metadata do not come back.";
    MetadataListsSorted "metadata-lists-sorted" "ING-004" "Lists in metadata come back sorted.";

    // Documents.
    DeleteLeavesChunks "delete-leaves-chunks" "DOC-003" "The chunks of a deleted document are still retrieved.";
    DeleteLeavesDocument "delete-leaves-document" "DOC-003" "A deleted document is still listed and read.";
    DeleteTakesNeighbours "delete-takes-neighbours" "DOC-003" "Deleting a document deletes those too whose ids are the same up to the last hyphen.";
    DeleteOfNothingSucceeds "delete-of-nothing-succeeds" "DOC-004" "Deleting a document that is not there answers 200.";
    PagingRepeatsAnItem "paging-repeats-an-item" "DOC-001" "The last item of a page comes again on the next.";
    PagingSkipsAnItem "paging-skips-an-item" "DOC-001" "The last item of a page that is not the last is left out.";
    PagesTooLong "pages-too-long" "DOC-001" "A page holds one item more than was asked for.";
    CursorOfAnyList "cursor-of-any-list" "DOC-002" "A cursor of one list is accepted by another.";
    CursorOfAnyTenant "cursor-of-any-tenant" "DOC-002" "A cursor of one tenant is accepted from another.";
    CursorNotAuthenticated "cursor-not-authenticated" "DOC-002" "An altered cursor is accepted.";
    ChunksInReverse "chunks-in-reverse" "DOC-005" "The chunks of a document come in the reverse order of their ordinals.";

    // Chunks.
    ChunksLeaveGaps "chunks-leave-gaps" "CHK-001" "The last byte of a chunk's text is in no chunk.";
    ChunksLargerThanAsked "chunks-larger-than-asked" "CHK-002" "Chunks have up to twice the asked size.";
    ChunkTokensMiscounted "chunk-tokens-miscounted" "CHK-002" "The tokens of a chunk are reported as one too few.";
    ChunkOverlapTooLarge "chunk-overlap-too-large" "CHK-003" "Neighbouring chunks share up to eight tokens more than asked.";
    ChunksCutGraphemes "chunks-cut-graphemes" "CHK-004" "Chunks end inside a grapheme where there is one of several characters near their end.";
    ChunkSpansInCharacters "chunk-spans-in-characters" "CHK-005" "The span of a chunk counts characters.";
    HeadingPathsLost "heading-paths-lost" "CHK-006" "Chunks carry no path of headings.";
    ChunkIdsRandom "chunk-ids-random" "CHK-007" "A document ingested again gets other chunk ids.";
    ChunkIdsShared "chunk-ids-shared" "CHK-008" "Chunks of the same text and ordinal have the same id in every document.";

    // Filters.
    FilterIgnored "filter-ignored" "FIL-001" "Filters hold for every document.";
    FilterAfterTopK "filter-after-top-k" "FIL-007" "The filter is applied to the best `top_k` chunks of all.";
    FilterCaseInsensitive "filter-case-insensitive" "FIL-001" "Strings are equal whatever their letter case.";
    FilterNumbersEqualStrings "filter-numbers-equal-strings" "FIL-001" "A number is equal to the string of its digits.";
    FilterNeDropsMissing "filter-ne-drops-missing" "FIL-001" "A document without the key does not match $ne.";
    FilterInTakesTheFirst "filter-in-takes-the-first" "FIL-002" "$in looks at the first listed value alone.";
    FilterNinIgnored "filter-nin-ignored" "FIL-002" "$nin holds for every document.";
    FilterNumbersAsText "filter-numbers-as-text" "FIL-003" "Comparisons take numbers for texts.";
    FilterBoundsInclusive "filter-bounds-inclusive" "FIL-003" "$lt and $gt hold at the bound.";
    FilterOneConditionSuffices "filter-one-condition-suffices" "FIL-004" "A document that meets one of several conditions matches.";
    FilterDotsNotFollowed "filter-dots-not-followed" "FIL-005" "A key with dots is looked up as it is.";
    FilterUnknownOperatorsIgnored "filter-unknown-operators-ignored" "FIL-006" "Unknown operators are ignored.";
    FilterMissingMatchesComparisons "filter-missing-matches-comparisons" "FIL-008" "A document without the key matches $lt and $lte.";

    // Retrieval.
    RetrievalCrossesTenants "retrieval-crosses-tenants" "VEC-003" "Chunks of every tenant are retrieved.";
    TenantFilteredAfterTopK "tenant-filtered-after-top-k" "VEC-005" "The best `top_k` chunks of all tenants are found, and those of others are dropped then.";
    NamespaceFilterChoosesTenant "namespace-filter-chooses-tenant" "VEC-004" "A filter on the key tenant, `tenant_id` or namespace retrieves from the tenant that it names.";
    ValuesComparedByTheirBeginning "values-compared-by-their-beginning" "VEC-006" "Strings of metadata are compared by their first 64 bytes.";
    ChunkRetrievedTwice "chunk-retrieved-twice" "VEC-002" "The best chunk is returned twice.";
    LastChunksNotIndexed "last-chunks-not-indexed" "VEC-007" "The last chunk of a document of several cannot be retrieved.";
    QueriesEmbeddedAgain "queries-embedded-again" "VEC-008" "The embedding of a repeated query is made anew.";
    ScoresRise "scores-rise" "RET-001" "The chunks are returned worst first.";
    TiesInReverse "ties-in-reverse" "RET-001" "Equal scores are in the reverse order of chunk ids.";
    MinScoreIgnored "min-score-ignored" "RET-002" "Chunks below `min_score` are returned.";
    MinScoreExclusive "min-score-exclusive" "RET-002" "A chunk of exactly `min_score` is left out.";
    OneChunkTooMany "one-chunk-too-many" "RET-003" "One chunk more than `top_k` is returned.";
    OneChunkTooFew "one-chunk-too-few" "RET-003" "One chunk less than `top_k` is returned.";
    RetrievalDiffersFromRunToRun "retrieval-differs-from-run-to-run" "RET-004" "Every second retrieval leaves out the best chunk.";
    ExplainNamesAnotherMode "explain-names-another-mode" "RET-005" "The explanation names hybrid whatever mode was used.";
    ModeIgnored "mode-ignored" "RET-005" "Retrieval is lexical whatever mode was asked for.";
    ExplainAlways "explain-always" "RET-006" "The explanation is answered without being asked for.";
    ExplainLacksTheBest "explain-lacks-the-best" "RET-006" "The best chunk is not among the candidates of the explanation.";
    RetrievedTextTrimmed "retrieved-text-trimmed" "RET-007" "The text of a retrieved chunk lacks its last character.";
    RetrievedMetadataLost "retrieved-metadata-lost" "RET-007" "Retrieved chunks carry no metadata.";
    ExactTermsIgnored "exact-terms-ignored" "RET-008" "Words with digits are not looked up.";
    RerankUndeclaredAccepted "rerank-undeclared-accepted" "RET-009" "rerank: true is ignored where the feature is not declared.";
    EmptyResultFails "empty-result-fails" "RET-010" "A retrieval that nothing matches answers 500.";
    StemmingOff "stemming-off" "RET-011" "Words of a query are looked up as they stand, without their stems.";
    QueryModelDiffers "query-model-differs" "RET-011" "Queries are embedded with another model than the documents.";

    // Answers.
    SentenceWithoutCitation "sentence-without-citation" "ANS-001" "The answer ends in a sentence without a citation.";
    QuoteAltered "quote-altered" "ANS-002" "The quote of a citation is in capital letters.";
    CitationSpanShifted "citation-span-shifted" "ANS-002" "The span of a citation is shifted by one byte.";
    CitesWhatWasNotRetrieved "cites-what-was-not-retrieved" "ANS-003" "The first citation names a document that was not retrieved.";
    InventsWithoutSupport "invents-without-support" "ANS-004" "Without support the answer invents one with the band low.";
    SourcesWithoutSupport "sources-without-support" "ANS-004" "Without support the sources are listed all the same.";
    MarkersCountFromZero "markers-count-from-zero" "ANS-005" "The markers of citations count from 0.";
    CitedDocumentNotASource "cited-document-not-a-source" "ANS-005" "The document that is cited first is not among the sources.";
    BandAlwaysHigh "band-always-high" "ANS-006" "The band is high whatever the score, save where there is no support.";
    LinksPassOut "links-pass-out" "ANS-007" "Targets of links and images in Markdown become part of the text and of answers.";
    SearchFilterIgnored "search-filter-ignored" "ANS-008" "The filter of a search does not bound its sources.";
    SearchTopKIgnored "search-top-k-ignored" "ANS-008" "The `top_k` of a search does not bound its sources.";
    TimingsExceedTotal "timings-exceed-total" "ANS-009" "The time of retrieval is told as more than the total.";
    UnknownModelIgnored "unknown-model-ignored" "ANS-010" "A model that the tenant may not use is replaced by its own.";

    // Queries.
    QueryReportedRewritten "query-reported-rewritten" "QRY-001" "The query is reported in lower case and without outer white space.";
    ChitChatRetrieves "chit-chat-retrieves" "QRY-002" "Chit-chat is answered from the documents.";
    UnsafeQueriesAnswered "unsafe-queries-answered" "QRY-003" "Unsafe queries are answered like any other.";
    ExpansionsNotReported "expansions-not-reported" "QRY-004" "Words that were added to the query are not reported.";
    ExpansionsFromOtherTenants "expansions-from-other-tenants" "QRY-004" "Expansions are taken from the words of every tenant.";
    QuotedPhraseDropped "quoted-phrase-dropped" "QRY-005" "Quoted phrases are dropped from the rewritten query.";
    CorrectionNotReported "correction-not-reported" "QRY-006" "Corrections of spelling are not reported.";
    SpellingAlwaysCorrected "spelling-always-corrected" "QRY-006" "A false `correct_spelling` corrects all the same.";
    SpellingNeverCorrected "spelling-never-corrected" "QRY-007" "Spelling is never corrected.";
    BlankQueriesAccepted "blank-queries-accepted" "QRY-009" "A query of white space alone is accepted.";
    ControlCharactersAccepted "control-characters-accepted" "QRY-009" "A query with a control character is accepted.";

    // Cache.
    CacheCrossesTenants "cache-crosses-tenants" "CAC-008" "A search that another tenant has asked is answered from its entry.";
    CacheNeverHits "cache-never-hits" "CAC-001" "No search is answered from the cache.";
    CacheHitDiffers "cache-hit-differs" "CAC-001" "The answer of a hit ends in a space more.";
    CacheSeesWhiteSpace "cache-sees-white-space" "CAC-002" "Queries that differ in case or white space have entries of their own.";
    CacheIgnoresFilter "cache-ignores-filter" "CAC-003" "Searches with different filters share an entry.";
    CacheIgnoresOptions "cache-ignores-options" "CAC-003" "Searches with different options share an entry.";
    CacheNeverExpires "cache-never-expires" "CAC-004" "Entries are served after their time.";
    CacheExpiresEarly "cache-expires-early" "CAC-004" "Entries are served for half of their time.";
    CacheAgeNotReported "cache-age-not-reported" "CAC-004" "A hit reports the age 0.";
    CacheSurvivesIngest "cache-survives-ingest" "CAC-005" "Entries are served after an ingest that changed a document.";
    CacheSurvivesDelete "cache-survives-delete" "CAC-006" "Entries are served after a delete.";
    CacheBypassReads "cache-bypass-reads" "CAC-007" "The mode bypass is answered from the cache.";
    CacheBypassWrites "cache-bypass-writes" "CAC-007" "The mode bypass writes an entry.";
    CacheRefreshDoesNotWrite "cache-refresh-does-not-write" "CAC-007" "The mode refresh writes no entry.";
    CacheJoinsSimilarQueries "cache-joins-similar-queries" "CAC-009" "Queries of the same words in any order share an entry.";
    CacheKeepsDegraded "cache-keeps-degraded" "CAC-010" "Degraded answers are kept in the cache.";

    // Safety.
    InputFilterOff "input-filter-off" "SAF-001" "Input is not held against the rules for prompt injection.";
    BlockedInputRepeated "blocked-input-repeated" "SAF-001" "The refusal of a blocked text repeats it.";
    OutputFilterOff "output-filter-off" "SAF-002" "Output is not held against the tenant's rules.";
    SafetyThresholdsIgnored "safety-thresholds-ignored" "SAF-004" "Every rule of every tenant has the threshold 0.99.";
    DocumentsGiveOrders "documents-give-orders" "SAF-006" "An order inside a retrieved text takes the place of the answer.";
    PromptLeaves "prompt-leaves" "SAF-007" "What a model writes of its system prompt is not held against the tenant's rule.";
    PlainQuestionsBlocked "plain-questions-blocked" "SAF-009" "Questions that speak of passwords or injections are blocked.";
    LinksToAnyHost "links-to-any-host" "SAF-010" "Links in answers are not held against the hosts that the tenant lists.";
    PlantedOrdersQuoted "planted-orders-quoted" "SAF-011" "Orders in documents are sentences like any other.";
    AnswerFiltersTakeInput "answer-filters-take-input" "SAF-012" "A configuration that holds a filter of answers against input is accepted.";

    // Chat and sessions.
    TokensAfterDone "tokens-after-done" "STR-001" "A token comes after the last event of a chat stream.";
    DisconnectKeepsPlace "disconnect-keeps-place" "STR-005" "A stream whose client went away keeps its place.";
    ChatBodyLacksCitations "chat-body-lacks-citations" "CHT-001" "A chat that answers one body leaves its citations out.";
    ChatAlwaysRetrieves "chat-always-retrieves" "CHT-002" "A chat with rag: false is answered from the documents all the same.";
    ChatJoinsTheLatestSession "chat-joins-the-latest-session" "CHT-003" "A chat that names no session goes on with the latest one.";
    HistoryReversed "history-reversed" "CHT-003" "The history of a session is told latest turn first.";
    StopTextsIgnored "stop-texts-ignored" "CHT-004" "The stop texts of a chat are not looked at.";
    MaxTokensIgnored "max-tokens-ignored" "CHT-005" "A chat may write as many tokens as it likes.";
    CutTurnHalfKept "cut-turn-half-kept" "CHT-006" "Of a turn whose client went away the session keeps what the user said.";
    ChatCitesWhatWasNotRetrieved "chat-cites-what-was-not-retrieved" "ANS-003" "The first citation of a chat names a document that was not retrieved.";
    MessageLimitIgnored "message-limit-ignored" "LIM-003" "Messages of any length are accepted.";
    MessageLimitCountsBytes "message-limit-counts-bytes" "LIM-007" "The limit of a message counts UTF-8 bytes.";
    ChatMessagesUnbounded "chat-messages-unbounded" "LIM-003" "A chat may hold any number of messages.";
    SessionNeverExpires "session-never-expires" "SES-001" "Sessions are kept for ever.";
    TurnKeepsNoSessionAlive "turn-keeps-no-session-alive" "SES-001" "A session that is continued is kept for half of its time.";
    SessionDeleteForgotten "session-delete-forgotten" "SES-002" "A session that is deleted is still there.";
    DeletedSessionContinues "deleted-session-continues" "SES-002" "A chat that names a deleted session begins it again.";
    SessionIdsCounted "session-ids-counted" "SES-003" "The ids of sessions are counted.";
    ForeignSessionReadable "foreign-session-readable" "SES-003" "A session that only another tenant has is read from that tenant.";
    ForeignSessionContinues "foreign-session-continues" "SES-003" "A chat may name another tenant's session.";
    HistoryLeaksBetweenSessions "history-leaks-between-sessions" "SES-008" "A turn is understood from the turns of all the tenant's sessions.";
    SessionTurnsNotSerialised "session-turns-not-serialised" "SES-005" "Two turns of a session at once do not know of each other.";
    SessionKeepsEveryTurn "session-keeps-every-turn" "SES-006" "A session keeps all of its turns.";
    SessionsOldestFirst "sessions-oldest-first" "SES-007" "Sessions are listed oldest first.";
    ChatForgetsWhatWasSaid "chat-forgets-what-was-said" "SES-008" "A turn is understood by itself alone.";
    SearchForgetsItsSession "search-forgets-its-session" "SES-008" "A search is understood without the session that it names.";

    // Jobs.
    JobProgressFalls "job-progress-falls" "JOB-001" "The progress of a job counts down.";
    JobProgressExceedsTotal "job-progress-exceeds-total" "JOB-001" "The progress of a job that succeeded is one more than its total.";
    JobScopeIgnored "job-scope-ignored" "JOB-002" "A job is open to every credential of the tenant.";
    UnfinishedResultMissing "unfinished-result-missing" "JOB-003" "The result of a job that is not finished answers 404.";
    CancelledJobGoesOn "cancelled-job-goes-on" "JOB-004" "A cancelled job goes on writing documents.";
    FinishedJobCancelled "finished-job-cancelled" "JOB-004" "Cancelling a job that has succeeded makes it cancelled.";
    JobNeverExpires "job-never-expires" "JOB-005" "Jobs and their results are kept for ever.";
    JobExpiresEarly "job-expires-early" "TIM-001" "Jobs and their results are kept for half of their time.";
    JobItemErrorsLost "job-item-errors-lost" "JOB-006" "The items of a job do not tell why they failed.";
    JobsUnbounded "jobs-unbounded" "JOB-008" "Any number of jobs may wait.";
    TimesNotInUtc "times-not-in-utc" "TIM-002" "Times are told in a zone two hours east of UTC.";

    // Trouble.
    DeadlineIgnored "deadline-ignored" "TIM-003" "A request may take as long as it likes.";
    DegradationHidden "degradation-hidden" "UPS-001" "Degraded answers do not say so.";
    EmbeddingFailureFailsRequest "embedding-failure-fails-request" "UPS-001" "Without the embedding model retrieval fails.";
    GeneratorFailureFailsRequest "generator-failure-fails-request" "UPS-002" "Without the generator a search fails.";
    RetriesOff "retries-off" "UPS-006" "No call to a model is made again.";
    RetriesUnbounded "retries-unbounded" "UPS-006" "Calls to a model are made again sixty times, at once and whatever the failure.";
    WritingRepeated "writing-repeated" "UPS-006" "A model that failed while it wrote is asked to write again.";
    BreakerNeverOpens "breaker-never-opens" "UPS-007" "A model that fails is called for every request.";
    BreakerNeverCloses "breaker-never-closes" "UPS-007" "A model that was left alone is never tried again.";
    PlacesTakenByOne "places-taken-by-one" "UPS-009" "There is one place for calls to a model, and one tenant may hold it for as long as it likes.";
    FallbackNotTaken "fallback-not-taken" "UPS-010" "The models that a tenant falls back on are never asked.";
    FallbackUnlisted "fallback-unlisted" "UPS-010" "While the generation model is down any model writes, whether the tenant lists it or not.";
    FallbackNotNamed "fallback-not-named" "UPS-010" "The answer of a model that was fallen back on names the one that is down.";
    OutagesTellNoDelay "outages-tell-no-delay" "UPS-008" "An error 503 has no retry-after.";
    BrokenHandlersTold "broken-handlers-told" "ERR-009" "What a handler panicked of stands in the error message.";
    CacheFailureFailsRequest "cache-failure-fails-request" "UPS-003" "Without the cache a search fails.";
    TextsReachOtherModels "texts-reach-other-models" "UPS-016" "What is retrieved by is sent to every embedding model behind a URL, whoever chose it.";

    // Usage and budgets.
    UsageOfEmbeddingsLost "usage-of-embeddings-lost" "BUD-001" "What embedding models read is not written down.";
    UsageOfRerankLost "usage-of-rerank-lost" "BUD-001" "What rerankers read is not written down.";
    UsageOfSpeechLost "usage-of-speech-lost" "BUD-007" "What speech providers spoke is not written down.";
    SpeechBudgetIgnored "speech-budget-ignored" "BUD-007" "A text is spoken, or taken as a job, whatever was spoken before.";
    UsageOfGenerationLost "usage-of-generation-lost" "BUD-001" "What generation models read and wrote is not written down.";
    UsageCountedTwice "usage-counted-twice" "BUD-001" "Each model call is written down twice.";
    UsageOfAnotherTenant "usage-of-another-tenant" "BUD-001" "What a tenant used is written down for another one.";
    UsageTotalsNotTheSum "usage-totals-not-the-sum" "BUD-001" "The sums of a report are one token more than its days.";
    CachedAnswersCounted "cached-answers-counted" "BUD-001" "An answer from the cache is counted as if a model had been called.";
    BudgetWarningEarly "budget-warning-early" "BUD-002" "Every answer of a tenant with a budget carries x-budget-warning.";
    BudgetWarningMissing "budget-warning-missing" "BUD-002" "No answer carries x-budget-warning.";
    BudgetNeverRefuses "budget-never-refuses" "BUD-003" "A tenant over its budget is served.";
    BudgetCheckedAfterTheCall "budget-checked-after-the-call" "BUD-003" "The budget is looked at when the models have been called.";
    BudgetHoldKept "budget-hold-kept" "BUD-003" "What a request holds of the budget is not given back when it ends.";
    BudgetSharedByTenants "budget-shared-by-tenants" "BUD-004" "Once a tenant was refused, others that have a budget are refused too.";
    BudgetRefusesEverything "budget-refuses-everything" "BUD-004" "A tenant over its budget cannot list its documents.";
    UsageCostWrong "usage-cost-wrong" "BUD-005" "Prices are taken for those of a thousand tokens.";
    BudgetRemainingWrong "budget-remaining-wrong" "BUD-005" "What is left of the budget is told to be the whole.";
    UsageDayNotUtc "usage-day-not-utc" "BUD-005" "The day of the budget ends at noon in UTC.";
    UsageDayNeverEnds "usage-day-never-ends" "BUD-006" "All days are one day.";
    StepIdsInCapitals "step-ids-in-capitals" "LOG-001" "Ids of the steps in a log line are written in capital letters.";
    DocumentTextLogged "document-text-logged" "LOG-003" "A warning to the operator tells the text of each document that is brought in.";
    LogLacksModels "log-lacks-models" "LOG-005" "Log lines do not name the models that were called.";
    LogLacksTokens "log-lacks-tokens" "LOG-005" "Log lines do not tell the tokens of model calls.";

    // Tools and audit.
    EveryToolListed "every-tool-listed" "TOL-001" "Every tool is listed, whoever asks.";
    AllowListIgnored "allow-list-ignored" "TOL-002" "A tool that the tenant does not list can be called.";
    OneToolAlwaysAllowed "one-tool-always-allowed" "TOL-002" "The tool `tag_chunk_docs` can be called where the tenant does not list it.";
    UnlistedToolsToldApart "unlisted-tools-told-apart" "TOL-002" "A tool that exists and is not listed is refused in other words.";
    ToolArgumentsNotChecked "tool-arguments-not-checked" "TOL-003" "Arguments are not held against the tool's schema.";
    ToolResultNotChecked "tool-result-not-checked" "TOL-004" "A result carries a field that its schema does not have.";
    ToolArgumentsCheckedFirst "tool-arguments-checked-first" "TOL-005" "Arguments are checked before tenant and scopes.";
    ToolScopesIgnored "tool-scopes-ignored" "TOL-005" "A tool's own scopes are not asked for.";
    ReadingOpensTools "reading-opens-tools" "TOL-005" "A credential with the scope documents:read need not have a tool's own scopes.";
    ToolTimeoutIgnored "tool-timeout-ignored" "TOL-006" "The request's `timeout_ms` is ignored.";
    ToolFailureTold "tool-failure-told" "TOL-008" "The error of a failed tool tells what failed inside.";
    ToolJobResultDiffers "tool-job-result-differs" "TOL-009" "The result of a call that went on as a job names another version.";
    SummaryTooLong "summary-too-long" "TOL-014" "A summary has two sentences more than asked.";
    SummaryIgnoresFormat "summary-ignores-format" "TOL-014" "A summary is running text whatever was asked.";
    SummaryAddsWords "summary-adds-words" "TOL-014" "A summary ends in a sentence that the text does not have.";
    EntityTypesIgnored "entity-types-ignored" "TOL-015" "Entities of every type are returned whatever was asked.";
    EntityPlacesShifted "entity-places-shifted" "TOL-015" "The places of entities lie one byte further.";
    IntentInventsLabel "intent-invents-label" "TOL-016" "The best category is answered under a name that nobody gave.";
    IntentAlwaysSeveral "intent-always-several" "TOL-016" "Every category is answered where one was asked for.";
    TagsLoseMetadata "tags-lose-metadata" "TOL-017" "The given metadata do not come back.";
    TaggedChunksCutShort "tagged-chunks-cut-short" "TOL-017" "Half of the chunks are left out.";
    McpListsEveryTool "mcp-lists-every-tool" "MCP-001" "The protocol lists every tool, whoever asks.";
    McpListsKeptForAll "mcp-lists-kept-for-all" "MCP-001" "The first list that the protocol gave is given to everybody.";
    McpCallsWithoutScope "mcp-calls-without-scope" "MCP-001" "A call by the protocol does not need the scope tools:execute.";
    McpResultsUnstructured "mcp-results-unstructured" "MCP-001" "Results of the protocol lack structuredContent.";
    McpErrorCodesOfItsOwn "mcp-error-codes-of-its-own" "MCP-002" "Every error of the protocol has the code -32000.";
    McpErrorsRepeatArguments "mcp-errors-repeat-arguments" "MCP-002" "Errors of the protocol repeat the arguments of the call.";
    McpBatchesAccepted "mcp-batches-accepted" "MCP-002" "Of a batch the first call is answered.";
    McpHeadersNotCompared "mcp-headers-not-compared" "MCP-003" "Headers of the protocol are not held against the body.";
    McpOriginUnchecked "mcp-origin-unchecked" "MCP-003" "A page of any origin may call the protocol.";
    McpSessionsKept "mcp-sessions-kept" "MCP-004" "Answers of the protocol hand out a session that everybody shares.";
    McpHandlesBelieved "mcp-handles-believed" "MCP-004" "Cursors and states that nobody gave are taken.";
    McpHintsMissing "mcp-hints-missing" "MCP-005" "Lists of 2026-07-28 lack ttlMs and cacheScope.";
    McpListsMayBeShared "mcp-lists-may-be-shared" "MCP-005" "Lists of 2026-07-28 may be shared between credentials.";
    McpMetadataNotAskedFor "mcp-metadata-not-asked-for" "MCP-005" "A call of 2026-07-28 need not say what its client can do.";
    McpEveryRevisionTaken "mcp-every-revision-taken" "MCP-006" "A revision that is not served is taken for 2025-11-25.";
    RefusedCallsNotRecorded "refused-calls-not-recorded" "AUD-001" "Refused calls leave no record.";
    EdgeRefusalsNotRecorded "edge-refusals-not-recorded" "AUD-007" "A call that a rate limit, a scope or the shape of its body refuses leaves no record.";
    FailedCallsNotRecorded "failed-calls-not-recorded" "AUD-001" "Failed calls and those that took too long leave no record.";
    AuditOutcomeAlwaysSucceeded "audit-outcome-always-succeeded" "AUD-001" "Every record says that the call succeeded.";
    AuditTellsUnknownNames "audit-tells-unknown-names" "AUD-002" "The name of a tool that does not exist is recorded as it was sent.";
    AuditHashUnkeyed "audit-hash-unkeyed" "AUD-003" "The hash of arguments is a plain SHA-256.";
    AuditHashSeesKeyOrder "audit-hash-sees-key-order" "AUD-003" "The hash of arguments depends on the order of their keys.";
    AuditHashSharedByTenants "audit-hash-shared-by-tenants" "AUD-003" "Equal arguments of two tenants have one hash.";
    AuditPrincipalShared "audit-principal-shared" "AUD-002" "Everyone has the same hash.";
    AuditChainCut "audit-chain-cut" "AUD-004" "No record names the hash of the one before it.";
    AuditSequenceSkips "audit-sequence-skips" "AUD-004" "Sequence numbers rise by two.";
    ToolUsageNotTold "tool-usage-not-told" "TOL-020" "The result of a tool does not tell what its models used.";
    ToolBudgetIgnored "tool-budget-ignored" "TOL-020" "A tool whose models have no budget left goes on without them.";
    ToolJobBudgetIgnored "tool-job-budget-ignored" "TOL-022" "A call whose models have no budget left becomes a job all the same.";
    ChatToolLimitIgnored "chat-tool-limit-ignored" "TOL-012" "A model may call a tool as often as it likes in one turn.";
    ChatWritesUnasked "chat-writes-unasked" "TOL-012" "A model may call a tool that writes whatever the user's turn says.";
    ChatCallsWhatIsNotListed "chat-calls-what-is-not-listed" "TOL-021" "A model may call tools that the request does not list.";
    ChatToolResultsLost "chat-tool-results-lost" "TOL-021" "How a turn's calls ended is not told.";
    ToolResultsAreOrders "tool-results-are-orders" "SAF-006" "What a tool gave reaches the model as the tenant's own instructions.";
    AuditCrossesTenants "audit-crosses-tenants" "AUD-006" "The list holds records of every tenant.";
    // Metrics.
    MetricsLackAName "metrics-lack-a-name" "MET-001" "The metrics lack the time to the first token.";
    MetricsLackTheLastBucket "metrics-lack-the-last-bucket" "MET-001" "Histograms lack the bucket without a bound.";
    RequestsCountedTwice "requests-counted-twice" "MET-002" "Each request counts twice in the metrics.";
    RefusalsNotCounted "refusals-not-counted" "MET-002" "Requests that a rate limit refuses are not counted as such.";
    MetricsCrossTenants "metrics-cross-tenants" "MET-003" "Whoever may read metrics reads those of every tenant.";
    OperatorSeesOneTenant "operator-sees-one-tenant" "MET-003" "An operator reads the metrics of its own tenant alone.";
    RequestIdsAreLabels "request-ids-are-labels" "MET-004" "The id of a request is a label of its series.";
    BypassCountsAsMiss "bypass-counts-as-miss" "MET-005" "A search that leaves the cache alone counts as a miss.";
    VectorQueriesCountedAlways "vector-queries-counted-always" "MET-006" "A retrieval by words counts as a look-up of vectors.";
    MetricsDoubleTheTokens "metrics-double-the-tokens" "MET-007" "The metrics tell twice the tokens that were used.";
    ToolCallsCountedTwice "tool-calls-counted-twice" "MET-008" "Each call of a tool counts twice.";
    AbortsNotCounted "aborts-not-counted" "MET-008" "A stream that its client left is not counted.";
    // Speech.
    SpeechRateMisstated "speech-rate-misstated" "TTS-001" "The header of a WAV file states twice the sample rate.";
    SpeechLengthMisstated "speech-length-misstated" "TTS-001" "The header of a WAV file states the largest length there is.";
    SpeechFormatMislabelled "speech-format-mislabelled" "TTS-001" "WAV is called MP3 and MP3 is called WAV.";
    SpeechProviderMisnamed "speech-provider-misnamed" "TTS-002" "The provider that spoke is called `none`.";
    SpeechNeverWaits "speech-never-waits" "TTS-003" "A text that should become a job is spoken at once.";
    SpeechIsSilence "speech-is-silence" "TTS-013" "The audio is as long as speech and silent.";
    SpeechTextTruncated "speech-text-truncated" "TTS-013" "The first piece of a text is spoken and the rest is not.";
    SpeechOrderSwapped "speech-order-swapped" "TTS-013" "The second piece of a text is spoken before the first.";
    SpeechVoiceIgnored "speech-voice-ignored" "TTS-006" "The provider chooses the voice, whatever was asked for.";
    SpeechLanguageIgnored "speech-language-ignored" "TTS-012" "Every text without a voice is spoken as English.";
    SpeechFallbackNotTaken "speech-fallback-not-taken" "TTS-007" "When the first provider fails no other is asked.";
    SpeechRefusalRetried "speech-refusal-retried" "TTS-007" "What one provider refuses is sent to the next.";
    SpeechReachesOthers "speech-reaches-others" "TTS-007" "A text is sent to providers that the tenant has not enabled, before its own.";
    SpeechSpeedIgnored "speech-speed-ignored" "TTS-008" "Every text is spoken at the usual speed.";
    SpeechStreamDiffers "speech-stream-differs" "TTS-009" "Audio that is streamed ends early.";
    SpeechOfAnotherTenant "speech-of-another-tenant" "TTS-010" "The result of a job is the last audio that any tenant's job made.";
    SpeechOfNothing "speech-of-nothing" "TTS-014" "A text without anything to say is answered with a moment of silence.";
    SpeechLimitIgnored "speech-limit-ignored" "LIM-006" "A text of any length is spoken.";
    SpeechJobsUnbounded "speech-jobs-unbounded" "JOB-008" "Any number of speech jobs of a tenant may wait.";
    CancelledSpeechGoesOn "cancelled-speech-goes-on" "JOB-004" "A cancelled speech job is said to be cancelled and goes on.";
    // The Worker's adapters; their names begin with `worker-`, and no other host has them.
    WorkerObjectsConfused "worker-objects-confused" "TEN-010" "A tenant's orders go to another tenant's object, which does not look whose they are.";
    WorkerBatchInPieces "worker-batch-in-pieces" "ING-003" "The statements of a batch reach the tenant's object one by one.";
    WorkerCountsShared "worker-counts-shared" "RAT-006" "The requests of all tenants are counted in one object.";
    WorkerCountsLost "worker-counts-lost" "MET-002" "What an isolate has counted is not added to what is kept.";
    WorkerCacheConfused "worker-cache-confused" "CAC-008" "The cache gives what was put last, whatever the key and the tenant.";
    WorkerFetchDropsTraces "worker-fetch-drops-traces" "HDR-008" "Calls to models carry no traceparent.";
    WorkerWorkDropped "worker-work-dropped" "ING-006" "Work beside a request is never begun.";
    WorkerTimerStands "worker-timer-stands" "TIM-003" "A time that is waited for never comes.";
    WorkerClockShared "worker-clock-shared" "TIM-004" "A tenant whose time is moved takes all others along.";
    WorkerIdsRepeat "worker-ids-repeat" "SES-003" "Ids are drawn without chance.";
    WorkerFieldsJoined "worker-fields-joined" "AUT-002" "Repeated header fields stay joined as the host has joined them.";
    // Its adapters over bindings that a deployment may go without; their names begin with `binding-`, and `adapters.mjs --flaws` tries them.
    BindingCacheShared "binding-cache-shared" "CAC-008" "Entries of the cache in KV lie under names without a tenant, and are believed whosesoever they are.";
    BindingVectorsShared "binding-vectors-shared" "TEN-010" "Vectorize is asked without a namespace, and every match is believed.";
    BindingVectorsEarly "binding-vectors-early" "ING-006" "What Vectorize has taken counts as seen at once.";
    BindingVectorsStay "binding-vectors-stay" "TEN-014" "Vectors are never removed from Vectorize.";
    BindingAudioShared "binding-audio-shared" "TTS-010" "Audio lies in R2 under the job alone, and is believed whosesoever it is.";
    BindingAudioStays "binding-audio-stays" "TEN-014" "The audio of a tenant that is deleted stays in R2.";
    BindingModelsUntold "binding-models-untold" "HDR-008" "Calls through the Workers AI binding leave out gateway and metadata.";
    BindingPointsOfNobody "binding-points-of-nobody" "LOG-001" "Data points of Analytics Engine name no tenant.";
}
