"""The words of messages, in the languages that the configuration offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from webhook.rules.hide.notes import Verb


@dataclass(frozen=True, slots=True)
class Words:
    """One language: verbs, what they would be in a phase that changes nothing, and sentences."""

    verbs: Mapping[Verb, str]
    would: Mapping[Verb, str]
    kinds: Mapping[str, str]
    why: Mapping[str, str]
    platform_value: str
    by_platform: str
    platform_element: str
    renamed: str
    reserved: str
    uses: str
    mounted: str
    at: str
    ask: str
    ask_one: str
    ask_many: str
    more: str
    reserved_kind: str
    owned: str


EN = Words(
    verbs=MappingProxyType({
        Verb.REMOVED: "removed",
        Verb.KEPT: "kept at",
        Verb.SET: "set to",
        Verb.BROUGHT_BACK: "brought back",
        Verb.WARNED: "is reserved for the platform and may be refused later",
        Verb.DENIED: "denied",
    }),
    would=MappingProxyType({
        Verb.REMOVED: "would be removed",
        Verb.KEPT: "would be kept at",
        Verb.SET: "would be set to",
        Verb.BROUGHT_BACK: "would be brought back",
        Verb.WARNED: "is reserved for the platform and may be refused later",
        Verb.DENIED: "would be denied (reserved for the platform)",
    }),
    kinds=MappingProxyType({
        "container": "container",
        "init container": "init container",
        "ephemeral container": "ephemeral container",
        "volume": "volume",
        "element": "element",
    }),
    why=MappingProxyType({"managed by autoscaler": "managed by autoscaler"}),
    platform_value="platform value",
    by_platform="set by the platform",
    platform_element="platform {kind}",
    renamed="platform settings were not copied",
    reserved="{where} is reserved for the platform",
    uses="{where} uses {source}",
    mounted="mounted by",
    at="at",
    ask="Ask {contact}.",
    ask_one="Ask {contact} or remove it.",
    ask_many="Ask {contact} or remove them.",
    more="hide: and {count} more; see the audit annotation",
    reserved_kind="kind {kind} is reserved for the platform",
    owned="the template of {kind} {name} is managed by its owner {owner}; edit the owner",
)  # fmt: skip

ZH = Words(
    verbs=MappingProxyType({
        Verb.REMOVED: "已移除",
        Verb.KEPT: "已保留为",
        Verb.SET: "已设为",
        Verb.BROUGHT_BACK: "已恢复",
        Verb.WARNED: "由平台保留，以后可能被拒绝",
        Verb.DENIED: "已拒绝",
    }),
    would=MappingProxyType({
        Verb.REMOVED: "将被移除",
        Verb.KEPT: "将保留为",
        Verb.SET: "将设为",
        Verb.BROUGHT_BACK: "将被恢复",
        Verb.WARNED: "由平台保留，以后可能被拒绝",
        Verb.DENIED: "将被拒绝",
    }),
    kinds=MappingProxyType({
        "container": "容器",
        "init container": "初始化容器",
        "ephemeral container": "临时容器",
        "volume": "卷",
        "element": "元素",
    }),
    why=MappingProxyType({"managed by autoscaler": "由自动伸缩管理"}),
    platform_value="平台的值",
    by_platform="由平台设置",
    platform_element="平台{kind}",
    renamed="平台设置未复制",
    reserved="{where} 由平台保留",
    uses="{where} 使用 {source}",
    mounted="挂载于",
    at="路径",
    ask="请联系 {contact}。",
    ask_one="请联系 {contact} 或将其删除。",
    ask_many="请联系 {contact} 或将它们删除。",
    more="hide: 另有 {count} 条；见审计注解",
    reserved_kind="类型 {kind} 由平台保留",
    owned="{kind} {name} 的模板由其所有者 {owner} 管理；请编辑所有者",
)  # fmt: skip

LANGUAGES: Mapping[str, Words] = MappingProxyType({"en": EN, "zh": ZH})
