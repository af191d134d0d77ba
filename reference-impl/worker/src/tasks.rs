//! Work beside requests, and waiting.

use std::time::Duration;

use reference_core::ports::Timer;
use reference_core::ports::{Background, BoxFuture};
use worker::{
    Delay, js_sys,
    send::SendFuture,
    wasm_bindgen::{JsValue, prelude::wasm_bindgen},
    wasm_bindgen_futures::future_to_promise,
};

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen, module = "cloudflare:workers")]
extern "C" {
    /// `waitUntil` of the request that is being served. The port knows no request, and needs none this way.
    #[wasm_bindgen(catch, js_name = waitUntil)]
    fn wait_until(work: &js_sys::Promise) -> Result<(), JsValue>;
}

/// Keeps the request's isolate alive until its work is done, or until the host's own limit.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct WaitUntil;

impl Background for WaitUntil {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        let promise = future_to_promise(async move {
            work.await;
            Ok(JsValue::UNDEFINED)
        });
        if let Err(error) = wait_until(&promise) {
            // The work runs all the same as long as the isolate does; a job that is lost is found again in its store.
            worker::console_error!("background work is not waited for: {error:?}");
        }
    }
}

/// `setTimeout`.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct JsTimer;

impl Timer for JsTimer {
    fn sleep(&self, milliseconds: u64) -> BoxFuture<'static, ()> {
        Box::pin(SendFuture::new(Delay::from(Duration::from_millis(milliseconds))))
    }
}
