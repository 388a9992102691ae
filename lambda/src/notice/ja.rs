//! The notices in Japanese.

use std::fmt::Write;

use super::{
    Aftermath, BusEvent, Digested, EventProblem, MemberAlarm, NoticeKind, NoticeOrigin, Rotated, SecretLocation,
    digest::{UserProblem, cut, news},
    ja_reasons::{event_reason, failed_call, failure_text, last_used, reason, spoken, why},
    text::{HowTo, Layout, NoticeText, activate, untag},
};
use crate::{
    contract::{member_event::MemberEventError, run_summary::RunSummary},
    model::{
        access_key::{AccessKeyId, Key, KeyStatus, LastUse},
        account_id::AccountId,
        parse_error::one_line,
        time::{Span, Timestamp},
        user::UserName,
        user_config_error::UserConfigError,
    },
    protocol::{
        call::{Call, RemovalReason, Warning},
        call_error::CallError,
        journal::{DELIVERED, INTENT, LEASE, PREFIX},
        overdue::Overdue,
        policy::DeleteAfter,
        stop_reason::NeedsAttention,
    },
    report::run_report::{KeyChange, UserReport},
};

pub(super) const LAYOUT: Layout = Layout {
    todo: "対応",
    deadline: "期限",
    user: "IAM ユーザー",
    account: "アカウント",
    region: "リージョン",
    stack: "スタック",
    line: |label, value| format!("・{label}: {value}\n"),
    about: " - ",
};

/// A command for an administrator, after this sentence.
fn administrator(purpose: &str, command: String) -> HowTo {
    HowTo {
        before: format!(
            "{purpose}リポジトリのフォルダで実行してください。スタックの設定ファイルが rotation.yaml でない場合は、\
             CONFIG=ファイル名 を付けてください。"
        ),
        commands: vec![command],
        after: String::new(),
    }
}

/// The command for an order about a user, after this sentence. `command` is that for the stack's own account.
fn order(purpose: &str, action: &str, command: String, user: &UserName, origin: NoticeOrigin<'_>) -> HowTo {
    if origin.is_member {
        return HowTo {
            before: format!("{purpose}アカウント {} の認証情報で実行してください。", origin.account),
            commands: vec![origin.invoke(action, user)],
            after: String::new(),
        };
    }
    administrator(purpose, command)
}

/// A command for an administrator who has credentials for the account.
fn in_the_account(purpose: &str, command: String) -> HowTo {
    HowTo {
        before: format!("{purpose}には、管理者がこのアカウントの認証情報で次のコマンドを実行してください。"),
        commands: vec![command],
        after: String::new(),
    }
}

/// The command that activates a key again.
fn undo(user: &UserName, origin: NoticeOrigin<'_>) -> HowTo {
    let purpose = "キーを再び有効にするには、管理者が次のコマンドを";
    order(purpose, "undo", origin.undo(user), user, origin)
}

fn dated(title: &str, deadline: Option<Timestamp>) -> String {
    deadline.map_or_else(|| title.to_owned(), |deadline| format!("{title}(期限 {})", deadline.to_day()))
}

pub(super) fn rotated(facts: &Rotated<'_>, origin: NoticeOrigin<'_>) -> NoticeText {
    let Rotated { user, key, now, .. } = facts;
    let mut text = NoticeText {
        title: dated("AWS アクセスキーをローテーションしました", facts.deadline()),
        todo: "以前のキーを使っているすべてのワークロードを、新しいキーに切り替えてください。".into(),
        happened: format!("IAM ユーザー {user} に新しいアクセスキーを発行しました。"),
        ..NoticeText::default()
    };
    let secret = match &facts.secret {
        SecretLocation::InThisMail(secret) => {
            text.todo += "切り替えたあと、このメールを削除してください。";
            secret.expose().to_owned()
        }
        SecretLocation::Encrypted(block) => {
            let commands = block.commands("KEY_FILE");
            let run = if commands.len() == 1 {
                "次のコマンド"
            } else {
                "次のうちお使いの鍵に合うコマンド"
            };
            text.how = Some(HowTo {
                before: format!("新しいキーを取得するには、秘密鍵のあるコンピューターで{run}を実行してください。"),
                commands,
                after: "続けて、このメールの末尾のブロックを、最初の「-」から最後の「-」まで貼り付けてください。各行の先頭に「>」や空白を入れないでください。"
                    .into(),
            });
            text.attachment.clone_from(&block.text);
            "下のブロックに暗号化されています".into()
        }
        SecretLocation::SecretsManager(name) => {
            text.how = Some(HowTo {
                before: "新しいキーを取得するには、このユーザーの現在のキー、または secret_readers のプリンシパルで、次のコマンドを実行してください。"
                    .into(),
                commands: vec![origin.read_secret(name)],
                after: String::new(),
            });
            format!("Secrets Manager の {name} にあります")
        }
        SecretLocation::Mailed => {
            text.todo =
                "作業は必要ありません。新しいキーのメールを受け取った担当者が、ワークロードを切り替えます。".into();
            "担当者へのメールにあります".into()
        }
    };
    text.facts =
        vec![("アクセスキー ID", key.to_string()), ("シークレットアクセスキー", secret), ("配布日時", now.to_minute())];
    text.facts.extend(facts.replaced.iter().map(|old| ("以前のキー", fate(facts, old))));
    text
}

/// What will happen to a replaced key.
fn fate(facts: &Rotated<'_>, old: &Key) -> String {
    let fate = facts.fate();
    let stays = match (old.status, fate.at_once) {
        (KeyStatus::Inactive, _) => "すでに無効です。".to_owned(),
        (KeyStatus::Active, true) if fate.waits_while_in_use => {
            "使われていなければ、ただちに無効になります。".to_owned()
        }
        (KeyStatus::Active, true) => "ただちに無効になります。".to_owned(),
        (KeyStatus::Active, false) => {
            let longer = if fate.waits_while_in_use {
                "使われている間は、そのあとも有効のままです。"
            } else {
                ""
            };
            format!("{} まで有効です。{longer}", fate.active_until.to_minute())
        }
    };
    let end = match fate.deleted {
        DeleteAfter::NextRotation => "次回のローテーションで削除されます。".to_owned(),
        DeleteAfter::Window(Span::ZERO) => "無効になりしだい削除されます。".to_owned(),
        DeleteAfter::Window(span) => format!("無効になってから {}後に削除されます。", spoken(span)),
    };
    format!("{}({} 作成)。{stays}{end}", old.id, old.created.to_minute())
}

pub(super) fn warning(user: &UserName, warning: &Warning) -> NoticeText {
    match warning {
        Warning::ComingUp(key, due) => NoticeText {
            title: format!("AWS アクセスキーを {} 以降にローテーションします", due.to_day()),
            todo: "キーがどのワークロードで使われているかを確認してください。新しいキーが発行されしだいお知らせします。"
                .into(),
            happened: format!("IAM ユーザー {user} のアクセスキーを、まもなく新しいキーに切り替えます。"),
            facts: vec![
                ("アクセスキー ID", key.to_string()),
                ("切り替えの予定", format!("{} 以降", due.to_minute())),
            ],
            ..NoticeText::default()
        },
        Warning::Pair { older, newer, until } => NoticeText {
            title: dated("AWS アクセスキーを無効にする予定です", Some(*until)),
            todo: "古いキーを使っているワークロードを確認し、新しいキーまたは専用のユーザーに切り替えてください。月に一度など、まれにしか使われないこともあります。"
                .into(),
            happened: format!(
                "IAM ユーザー {user} には、ローテーションが発行したものではない有効なアクセスキーが 2 つあります。IAM の上限は 2 個で、ローテーションには空きが必要なため、古いキーを無効にします。"
            ),
            facts: vec![
                ("古いキー", format!("{older}。{} 以降、使われていなければ無効にします", until.to_minute())),
                ("新しいキー", format!("{newer}。有効なままです")),
            ],
            ..NoticeText::default()
        },
        Warning::Inactive(key, until) => NoticeText {
            title: until.map_or_else(
                || "AWS アクセスキーを削除する予定です".to_owned(),
                |until| format!("AWS アクセスキーを {} 以降に削除します", until.to_day()),
            ),
            todo: "不要なキーであれば、作業は必要ありません。必要な場合は、削除される前に有効にしてください。".into(),
            how: Some(in_the_account("キーを有効にする", activate(user, key))),
            happened: format!(
                "IAM ユーザー {user} のアクセスキーが無効になっています。無効にしたのはローテーションではありません。"
            ),
            facts: vec![
                ("アクセスキー ID", key.to_string()),
                (
                    "削除の予定",
                    until.map_or("次回のローテーション時".to_owned(), |until| format!("{} 以降", until.to_minute())),
                ),
            ],
            ..NoticeText::default()
        },
        Warning::Unused(key, until) => NoticeText {
            title: dated("AWS アクセスキーが使われていません", Some(*until)),
            todo: "ユーザーにアクセスが不要であれば、作業は必要ありません。必要な場合は、期限までにキーを使ってください。"
                .into(),
            happened: format!(
                "IAM ユーザー {user} のアクセスキーが使われていません。このキーを無効にし、新しいキーは発行しません。"
            ),
            facts: vec![
                ("アクセスキー ID", key.to_string()),
                ("無効化の予定", format!("{} 以降、それまでに使われなかった場合", until.to_minute())),
            ],
            ..NoticeText::default()
        },
    }
}

pub(super) fn notice(user: &UserName, kind: &NoticeKind<'_>, origin: NoticeOrigin<'_>, now: Timestamp) -> NoticeText {
    match kind {
        NoticeKind::Rotated(facts) => rotated(facts, origin),
        NoticeKind::StillInUse { old, new, last_use, required_idle_time, until } => {
            still_in_use(user, old, *new, last_use, (*required_idle_time, *until))
        }
        NoticeKind::Retired { old, new, deleted } => retired(user, old, *new, *deleted, origin, now),
        NoticeKind::Disused { key } => NoticeText {
            title: "AWS アクセスキーを無効にしました".into(),
            todo: "ユーザーにアクセスが不要であれば、作業は必要ありません。動かなくなったワークロードがある場合は、キーを再び有効にしてください。"
                .into(),
            how: Some(undo(user, origin)),
            happened: format!("使われていなかったため、IAM ユーザー {user} のアクセスキーを無効にしました。"),
            facts: vec![("アクセスキー ID", key.to_string()), ("無効にした日時", now.to_minute())],
            ..NoticeText::default()
        },
        NoticeKind::Revoked { key, new } => NoticeText {
            title: "AWS アクセスキーを失効させました".into(),
            todo: if new.is_some() {
                "失効したキーを使っていたすべてのワークロードを、現在のキーに切り替えてください。失効したキーを再び有効にしないでください。"
            } else {
                "アクセスが必要なワークロードがある場合は、管理者に新しいキーを依頼してください。失効したキーを再び有効にしないでください。"
            }
            .into(),
            happened: format!(
                "担当者の操作により、IAM ユーザー {user} のアクセスキーを失効させました。このキーで署名されたリクエストは AWS に拒否されます。"
            ),
            facts: vec![
                ("失効したキー", key.to_string()),
                ("現在のキー", that_works(*new)),
                ("失効させた日時", now.to_minute()),
            ],
            ..NoticeText::default()
        },
        NoticeKind::PairInUse { older, newer, last_use } => NoticeText {
            title: "AWS アクセスキーがまだ使われています".into(),
            todo: "古いキーを使っているワークロードを、新しいキーまたは専用のユーザーに切り替えてください。".into(),
            happened: format!(
                "IAM ユーザー {user} には、ローテーションが発行したものではない有効なアクセスキーが 2 つあります。古いキーが使われているため、無効にせず、ローテーションも行いません。"
            ),
            facts: vec![
                ("古いキー", older.to_string()),
                ("新しいキー", that_works(*newer)),
                ("最終使用", last_used(last_use)),
            ],
            ..NoticeText::default()
        },
        NoticeKind::Deleted { old, new, why } => NoticeText {
            title: "AWS アクセスキーを削除しました".into(),
            todo: format!(
                "作業は必要ありません。削除したキーは、無効になったときから使えなくなっています。設定に残っている場合は、{}。",
                if new.is_some() { "現在のキーに切り替えてください" } else { "設定から取り除いてください" }
            ),
            happened: format!("IAM ユーザー {user} の無効なキーを削除しました。元に戻すことはできません。"),
            facts: vec![
                ("削除したキー", old.to_string()),
                ("現在のキー", that_works(*new)),
                (
                    "理由",
                    match why {
                        RemovalReason::PlaceNeeded => "IAM の上限は 2 個で、新しいキーのための空きが必要になったため",
                        RemovalReason::WindowOver
                        | RemovalReason::Superseded
                        | RemovalReason::Withdrawn
                        | RemovalReason::Disuse
                        | RemovalReason::Revoked => "設定された保管期間が過ぎたため",
                    }
                    .to_owned(),
                ),
            ],
            ..NoticeText::default()
        },
        NoticeKind::Reactivated { old, new, until } => reactivated(user, old, *new, *until),
        NoticeKind::Failed { call, failure, aftermath } => failed(user, call, failure, *aftermath, (origin, now)),
        NoticeKind::NeedsAttention(doubt) => needs_attention(user, doubt, origin),
        NoticeKind::NoConfirmedRecipient { mailboxes } => {
            let all: Vec<_> = mailboxes.iter().map(|email| email.as_str()).collect();
            let one_of = if all.len() > 1 { " のいずれか" } else { "" };
            NoticeText {
                title: "AWS アクセスキーをローテーションしていません".into(),
                todo: "下の宛先に届いている AWS からのメール「AWS Notification - Subscription Confirmation」のリンクを開いてください。リンクの有効期間は 48 時間です。"
                    .into(),
                how: Some(administrator(
                    "期間を過ぎている場合は、管理者が次のコマンドを実行すると、新しいメールが届きます。",
                    origin.make("resubscribe"),
                )),
                happened: format!(
                    "IAM ユーザー {user} のアクセスキーはローテーションの時期ですが、まだ行っていません。新しいキーはメールで届けられますが、受信を承認した宛先がないためです。以前のキーはそのままです。"
                ),
                reason: Some(format!("受信を承認していない宛先: {}", all.join("、"))),
                facts: vec![("承認が必要な宛先", format!("{}{one_of}", all.join("、")))],
                ..NoticeText::default()
            }
        }
    }
}

fn still_in_use(
    user: &UserName,
    old: &AccessKeyId,
    new: Option<&AccessKeyId>,
    last_use: &LastUse,
    (required_idle_time, until): (Option<Timestamp>, Option<Timestamp>),
) -> NoticeText {
    let (title, happened, last, todo) = match last_use {
        LastUse::Used { .. } => (
            "AWS アクセスキーがまだ使われています",
            format!("IAM ユーザー {user} の以前のキーは、新しいキーの配布後にも使われたため、有効のままにしています。"),
            last_used(last_use),
            "以前のキーを使っているワークロードを探し、新しいキーに切り替えてください。下の最終使用のあとに切り替え済みであれば、作業は必要ありません。",
        ),
        LastUse::Never | LastUse::Unknown => (
            "AWS アクセスキーが使われている可能性があります",
            format!(
                "IAM ユーザー {user} の以前のキーがまだ使われているかどうかを確認できないため、有効のままにしています。"
            ),
            "確認できませんでした".into(),
            if until.is_some() {
                "以前のキーを使っているワークロードがあれば、新しいキーに切り替えてください。次回の実行時にもう一度確認します。"
            } else {
                "今すぐの作業は必要ありません。次回の実行時にもう一度確認します。"
            },
        ),
    };
    let stays = match required_idle_time {
        Some(required_idle_time) => format!("{} まで。また使われた場合は延長します", required_idle_time.to_minute()),
        None => "使用状況を確認できるまで".to_owned(),
    };
    let end = until.map(|until| format!("。{} 以降は使われていても無効にします", until.to_minute()));
    let mut facts = vec![("以前のキー", old.to_string())];
    facts.extend(new.map(|new| ("新しいキー", new.to_string())));
    facts.extend([("最終使用", last), ("有効な期間", stays + &end.unwrap_or_default())]);
    NoticeText { title: dated(title, until), todo: todo.into(), happened, facts, ..NoticeText::default() }
}

fn retired(
    user: &UserName,
    old: &AccessKeyId,
    new: Option<&AccessKeyId>,
    deleted: DeleteAfter,
    origin: NoticeOrigin<'_>,
    now: Timestamp,
) -> NoticeText {
    let deleted = match deleted {
        DeleteAfter::NextRotation => "次回のローテーション時".to_owned(),
        DeleteAfter::Window(Span::ZERO) => "次回の実行時".to_owned(),
        DeleteAfter::Window(span) => format!("{} 以降", (now + span).to_minute()),
    };
    let mut how = undo(user, origin);
    how.after = "以前のキーが削除される直前まで実行できます。".into();
    NoticeText {
        title: "AWS アクセスキーを無効にしました".into(),
        todo: "問題なく動いていれば、作業は必要ありません。動かなくなったワークロードがあれば、現在のキーに切り替えてください。"
            .into(),
        how: Some(how),
        happened: format!(
            "IAM ユーザー {user} の以前のキーを無効にしました。今後、このキーで署名されたリクエストは AWS に拒否されます。"
        ),
        facts: vec![
            ("以前のキー", old.to_string()),
            ("現在のキー", that_works(new)),
            ("無効にした日時", now.to_minute()),
            ("削除の予定", deleted),
        ],
        ..NoticeText::default()
    }
}

fn that_works(key: Option<&AccessKeyId>) -> String {
    key.map_or_else(|| "有効なキーはありません".to_owned(), ToString::to_string)
}

fn reactivated(user: &UserName, old: &AccessKeyId, new: Option<&AccessKeyId>, until: Option<Timestamp>) -> NoticeText {
    let mut facts = vec![("以前のキー", old.to_string())];
    facts.extend(new.map(|new| ("新しいキー", format!("{new}。こちらも有効です"))));
    facts.extend(
        until.map(|until| ("有効な期間", format!("{} まで。新しいキーのローテーションの時期です", until.to_minute()))),
    );
    let todo = match new {
        Some(_) => "以前のキーを必要としているワークロードを探し、新しいキーに切り替えてください。",
        None => "作業は必要ありません。",
    };
    NoticeText {
        title: dated("AWS アクセスキーを再び有効にしました", until),
        todo: todo.into(),
        happened: format!("IAM ユーザー {user} の以前のキーを再び有効にしました。"),
        facts,
        ..NoticeText::default()
    }
}

fn failed(
    user: &UserName,
    call: &Call,
    failure: &CallError,
    aftermath: Aftermath<'_>,
    (origin, now): (NoticeOrigin<'_>, Timestamp),
) -> NoticeText {
    // No run takes a rotation over before that.
    let later = (now + LEASE).to_minute();
    let aftermath = match aftermath {
        Aftermath::Untouched => "何も変更していません。次回の実行時にもう一度試します。".to_owned(),
        Aftermath::Unfinished => "それまでに行った変更はそのままです。次回の実行時に続きを行います。".to_owned(),
        Aftermath::Uncertain => {
            "この操作が行われたかどうかを確認できていません。有効なキーはそのまま使えます。次回の実行時に確認します。"
                .to_owned()
        }
        Aftermath::Withdrawn => {
            format!("新しいキーは削除しました。以前のキーはそのままです。{later} 以降の実行時にもう一度試します。")
        }
        Aftermath::DeliveryUnknown(Some(key)) => format!(
            "新しいキー {key} を作成しましたが、届いたかどうかを確認できていません。これまで使われていたキーはそのままです。\
             {later} 以降の実行時に確認し、届いたことを確認できたキー(保管済み、または使用済み)は残し、それ以外は削除します。\
             その後は、古いメールのキーを使わないでください。"
        ),
        Aftermath::DeliveryUnknown(None) => format!(
            "新しいキーが作成されたかどうかを確認できていません。これまで使われていたキーはそのままです。\
             {later} 以降の実行時に確認し、誰にも届いていないキーがあれば削除します。"
        ),
    };
    let todo = match (&failure.code, failure.code.as_str()) {
        (_, "NoSuchEntity") => "ユーザーを削除した場合は、設定ファイルから外して、もう一度デプロイしてください。",
        (code, _) if code.is_denial() => {
            "管理者は、この操作を拒否しているものを確認してください。関数のロール(スタックをもう一度デプロイすると元に戻ります)、\
             アクセス許可の境界、組織のポリシーが考えられます。"
        }
        (_, "MalformedPolicyDocumentException") => {
            "管理者は、存在しなくなったものを secret_readers から外して、もう一度デプロイしてください。"
        }
        (code, _) if code.says_what_to_do() => "管理者は、下の理由に書かれている対応を行ってください。",
        _ => {
            "今すぐの作業は必要ありません。次回の実行時にも同じメールが届いた場合は、管理者が関数のログを確認してください。"
        }
    };
    let (call, why) = (failed_call(call), origin.with_region(&failure_text(failure)));
    NoticeText {
        title: "AWS アクセスキーのローテーションに失敗しました".into(),
        todo: todo.into(),
        happened: format!("処理に失敗したため、IAM ユーザー {user} のローテーションを中断しました。{aftermath}"),
        reason: Some(format!("{call} に失敗しました。理由: {why}")),
        facts: vec![("失敗した操作", call), ("理由", why)],
        ..NoticeText::default()
    }
}

fn needs_attention(user: &UserName, doubt: &NeedsAttention, origin: NoticeOrigin<'_>) -> NoticeText {
    let todo = match doubt {
        NeedsAttention::Journal(_) | NeedsAttention::Future(_) => {
            "誰が書いたタグかを確認し、ユーザーから外してください。".to_owned()
        }
        NeedsAttention::UnclearOrigin => {
            format!("使われていないほうのキーを削除し、ユーザーからタグ {INTENT}… を外してください。")
        }
        NeedsAttention::ManagedBy(_) => {
            "どちらか一方のスタックで、このユーザーを対象から除外してください。別のスタックがすでにない場合は、このスタックの管理対象にしてください。".to_owned()
        }
        NeedsAttention::OtherChannel => {
            "新しいほうのキーが所有者に届いているかを確認し、このスタックの管理対象にしてください。どちらかのキーが使われなくなるまで、両方が有効なままです。".to_owned()
        }
        NeedsAttention::Left => format!(
            "ローテーションが終わるまで、ユーザーを対象に戻してください。または、古いほうのキーを無効にし、ユーザーからタグ {PREFIX}… を外してください。"
        ),
        NeedsAttention::OrphanInUse(..) => format!(
            "誰かが手作業で作成したキーであれば、ユーザーからタグ {INTENT}… を外してください。そうでなければ、誰が使っているかを確認してください。"
        ),
        NeedsAttention::SameAge => "使われていないほうのキーを無効にしてください。".to_owned(),
        NeedsAttention::ForeignKey { .. } => {
            "どちらのキーが使われているかを確認し、もう一方を削除してください。".to_owned()
        }
        NeedsAttention::LateDelivery { .. } => format!(
            "その日時にローテーションが行われていなければ、タグ {DELIVERED} を誰が書いたかを確認し、ユーザーから外してください。"
        ),
        NeedsAttention::TooManyKeys(_) => "使われていないキーを削除してください。".to_owned(),
        NeedsAttention::UserConfigError(UserConfigError::Path(_)) => {
            "対象から外す(exempt)か、ユーザーのパスを変更してください。".to_owned()
        }
        NeedsAttention::UserConfigError(UserConfigError::Spelling(name)) => {
            format!("管理者は、rotation.yaml の users に {name} と書いて、もう一度デプロイしてください。")
        }
        NeedsAttention::UserConfigError(_) => "タグを修正するか、ユーザーから外してください。".to_owned(),
        NeedsAttention::NoRoom(_) => "不要なタグをユーザーから外してください。".to_owned(),
    };
    let remove = |tag| in_the_account("タグを外す", untag(user, tag));
    let how = match doubt {
        NeedsAttention::ManagedBy(_) | NeedsAttention::OtherChannel => {
            let purpose = "このスタックの管理対象にするには、管理者が次のコマンドを";
            Some(order(purpose, "adopt", origin.adopt(user), user, origin))
        }
        NeedsAttention::Journal(garbled) => Some(remove(&garbled.tag)),
        NeedsAttention::LateDelivery { .. } => Some(remove(DELIVERED)),
        _ => None,
    };
    NoticeText {
        title: "AWS アクセスキーについて確認が必要です".into(),
        todo,
        how,
        happened: format!("IAM ユーザー {user} のローテーションは、確認が済むまで行いません。キーはそのままです。"),
        reason: Some(reason(doubt)),
        facts: vec![("理由", reason(doubt))],
        ..NoticeText::default()
    }
}

pub(super) fn digest(run: &Digested<'_>, origin: NoticeOrigin<'_>) -> NoticeText {
    let Digested { summary: s, .. } = run;
    let unhealthy = run.unhealthy();
    let attention = unhealthy.len();
    let unconfirmed = s.unconfirmed.filter(|count| *count > 0);
    let mut facts = vec![
        ("ローテーション", s.rotated.to_string()),
        ("無効化", s.deactivated.to_string()),
        ("削除", s.deleted.to_string()),
        ("失敗", s.failed.to_string()),
        ("要確認", s.needs_attention.to_string()),
        ("期限切れ", s.overdue.to_string()),
    ];
    if s.unsent > 0 {
        facts.push(("送信できなかったお知らせ", s.unsent.to_string()));
    }
    facts.extend(unconfirmed.map(|count| ("未承認の宛先", count.to_string())));
    let more = |n| format!("  … ほか {n} ユーザー(関数のログに記録されています)\n");
    let mut lists = Vec::new();
    if attention > 0 {
        let line = |(severity, user): &(UserProblem, &UserReport)| {
            let overdue = user
                .overdue
                .as_ref()
                .map(|Overdue { key, since }| format!("。キー {key} は {} に期限が切れています", since.to_minute()));
            format!(
                "  {}({}): {}{}\n",
                user.user,
                word(*severity),
                origin.with_region(&why(user)),
                overdue.unwrap_or_default()
            )
        };
        let lines: Vec<_> = unhealthy.iter().map(line).collect();
        lists.push(format!(
            "次のユーザーを、上から順に確認してください。重大なものから並んでいます。\n\n{}",
            cut(&lines, more)
        ));
    }
    let changed: Vec<_> = run.changed().map(|user| format!("  {}: {}\n", user.user, changes(&user.done))).collect();
    if !changed.is_empty() {
        lists.push(format!("次の変更を行いました。\n\n{}", cut(&changed, more)));
    }
    NoticeText {
        title: format!("AWS アクセスキーのローテーション結果 - {} ユーザー(発行 {}、要対応 {attention})", s.users, s.rotated),
        todo: match (attention, unconfirmed) {
            (0, None) => "作業は必要ありません。".into(),
            (0, Some(_)) => "未承認の宛先の担当者に、受信の承認を依頼してください。".into(),
            (_, None) => "下のユーザーを、上から順に確認してください。".into(),
            (_, Some(_)) => {
                "下のユーザーを、上から順に確認してください。また、未承認の宛先の担当者に、受信の承認を依頼してください。".into()
            }
        },
        how: unconfirmed.map(|_| {
            let mut how = administrator(
                "1 つ目のコマンドで未承認の宛先を確認でき、2 つ目のコマンドで AWS からの確認メールを再送できます。",
                origin.make("status"),
            );
            how.commands.push(origin.make("resubscribe"));
            how
        }),
        happened: format!(
            "{} の実行({})で、{} ユーザーのアクセスキーを確認しました。",
            run.started.to_minute(),
            run.run,
            s.users
        ),
        reason: None,
        facts,
        attachment: lists.join("\n"),
    }
}

const fn word(severity: UserProblem) -> &'static str {
    match severity {
        UserProblem::NeedsAttention => "要確認",
        UserProblem::Failed => "失敗",
        UserProblem::Overdue => "期限切れ",
        UserProblem::WaitsForPerson => "対応待ち",
        UserProblem::WaitsForRun => "実行待ち",
    }
}

/// The changes of a user, in one line.
fn changes(done: &[KeyChange]) -> String {
    let one = |change: &KeyChange| match change {
        KeyChange::Created { key } => format!("キー {key} を作成"),
        KeyChange::Delivered { key } => format!("キー {key} を配布"),
        KeyChange::Warned { key } => format!("キー {key} についてのお知らせを送信"),
        KeyChange::Deactivated { key, why: RemovalReason::Withdrawn } => {
            format!("配布できなかったキー {key} を無効化")
        }
        KeyChange::Deactivated { key, why: RemovalReason::Disuse } => format!("使われていないキー {key} を無効化"),
        KeyChange::Deactivated { key, why: RemovalReason::Revoked } => format!("キー {key} を失効"),
        KeyChange::Deactivated { key, .. } => format!("キー {key} を無効化"),
        KeyChange::Reactivated { key } => format!("キー {key} を再び有効化"),
        KeyChange::Deleted { key, .. } => format!("キー {key} を削除"),
    };
    news(done).map(one).collect::<Vec<_>>().join("、")
}

pub(super) fn event_problem(event: &BusEvent, problem: &EventProblem) -> NoticeText {
    let (title, todo, happened, shows) = match problem {
        EventProblem::Unreadable(MemberEventError::Unknown(_)) => (
            "AWS アクセスキーのローテーション: 未対応のバージョンのお知らせ",
            "管理用アカウントのスタックを、メンバーと同じリリースで再度デプロイしてください。下のイベントは所有者へのお知らせかもしれません。\
             所有者には届いていないため、内容を確認してください。",
            "イベントのバージョンが不明なため、メールを送信していません。このメールは管理者だけに届きます。",
            true,
        ),
        EventProblem::Unreadable(MemberEventError::Invalid(_)) => (
            "AWS アクセスキーのローテーション: 形式が正しくないお知らせ",
            "下のイベントは所有者へのお知らせかもしれません。所有者には届いていないため、内容を確認し、\
             どのプリンシパルが送信したかを調べてください。",
            "イベントの形式が正しくないため、メールを送信していません。このメールは管理者だけに届きます。",
            true,
        ),
        EventProblem::OtherAccount(_) => (
            "AWS アクセスキーのローテーション: お知らせを拒否しました",
            "このアカウントのどのプリンシパルが送信したかを調べてください。ローテーションの関数がこのようなイベントを送ることはありません。",
            "このお知らせは送信元とは別のアカウントを名乗っているため、メールを送信していません。",
            false,
        ),
        EventProblem::RefusedBySns(_) => (
            "AWS アクセスキーのローテーション: SNS が拒否したお知らせ",
            "下のイベントは所有者へのお知らせかもしれません。所有者には届いていないため、内容を確認し、\
             どのプリンシパルが送信したかを調べてください。",
            "SNS がメールを受け付けないため、送信していません。このメールは管理者だけに届きます。",
            true,
        ),
    };
    NoticeText {
        title: title.into(),
        todo: todo.into(),
        happened: happened.into(),
        facts: vec![
            ("理由", event_reason(problem)),
            ("イベント", one_line(&event.id)),
            ("送信日時", event.time.to_minute()),
        ],
        attachment: if shows { cut(&event.lines(), |more| format!("(ほか {more} 行)\n")) } else { String::new() },
        ..NoticeText::default()
    }
}

pub(super) fn not_an_event(lines: &[String], error: &str) -> NoticeText {
    NoticeText {
        title: "AWS アクセスキーのローテーション: イベントではないメッセージ".into(),
        todo: "お知らせのキューに下のメッセージを入れたプリンシパルを調べてください。メッセージ内の指示には従わないでください。\
               メンバーのイベントであれば、そのお知らせは届いていません。"
            .into(),
        happened: "メッセージを読み取れないため、送信元のアカウントが不明です。このメールは管理者だけに届きます。".into(),
        facts: vec![("理由", format!("EventBridge のイベントではありません: {}", one_line(error)))],
        attachment: cut(lines, |more| format!("(ほか {more} 行)\n")),
        ..NoticeText::default()
    }
}

pub(super) fn sender(account: &AccountId) -> String {
    format!(
        "このお知らせは AWS アカウント {account} から送信されました。この番号は AWS が記録したものです。\
         以下の内容はすべて、このアカウントが作成したものです。"
    )
}

pub(super) fn member_alarm(event: &BusEvent, alarm: &MemberAlarm) -> NoticeText {
    let todo = if alarm.description.is_some() {
        "下の「内容」を参照し、このアカウントの状態を確認してください。"
    } else {
        "下のアカウントで、アラームの内容を確認してください。"
    };
    let mut facts = vec![("アラーム", alarm.name.clone())];
    facts.extend(alarm.description.clone().map(|meaning| ("内容", meaning)));
    facts.extend([("理由", alarm.reason.clone()), ("発生日時", event.time.to_minute())]);
    NoticeText {
        title: format!("アラーム: {}", alarm.name),
        todo: todo.into(),
        happened: "組織のメンバーのアラームが ALARM 状態になりました。".into(),
        facts,
        ..NoticeText::default()
    }
}

pub(super) fn summary(s: &RunSummary) -> String {
    let mut sentence = format!(
        "{} ユーザーのアクセスキーを確認しました(発行 {}、無効化 {}、削除 {}、失敗 {}、要確認 {})",
        s.users, s.rotated, s.deactivated, s.deleted, s.failed, s.needs_attention
    );
    if s.overdue > 0 {
        let _ = write!(sentence, "。期限切れのキーを持つユーザーは {} です", s.overdue);
    }
    if s.unsent > 0 {
        let _ = write!(sentence, "。お知らせ {} 件を送信できませんでした", s.unsent);
    }
    sentence
}
